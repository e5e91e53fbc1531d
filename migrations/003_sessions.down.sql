-- Takes the log-ins of pages back.
DROP TABLE sessions, login_codes;
