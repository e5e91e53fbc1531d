DROP TABLE api_answers;
