DROP INDEX sessions_network;
DROP INDEX sessions_ended;
ALTER TABLE sessions DROP COLUMN network, DROP COLUMN agent;
DELETE FROM login_codes WHERE via = 'password';
ALTER TABLE login_codes DROP CONSTRAINT login_codes_via_check;
ALTER TABLE login_codes ADD CONSTRAINT login_codes_via_check CHECK (via IN ('terminal', 'mail', 'oidc', 'slack'));
COMMENT ON COLUMN login_codes.via IS 'What vouches for the person: the terminal, a mail to the person''s own address, a service that was asked.';
DROP TABLE passwords;
