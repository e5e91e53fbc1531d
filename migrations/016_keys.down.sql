DROP TABLE api_key_homes, api_keys;
