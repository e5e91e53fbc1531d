DROP TABLE link_tries, link_codes;
