-- Log-ins that a person's own account vouches for: a link by mail, another service; and how each session began.

ALTER TABLE login_codes ADD COLUMN via text NOT NULL DEFAULT 'terminal' CHECK (via IN ('terminal', 'mail', 'oidc', 'slack'));
ALTER TABLE login_codes ADD COLUMN person_id uuid;
ALTER TABLE login_codes ADD COLUMN letter uuid;
ALTER TABLE login_codes ADD FOREIGN KEY (ws, person_id) REFERENCES people (ws, id);
CREATE INDEX login_codes_person ON login_codes (ws, person_id) WHERE person_id IS NOT NULL;
ALTER TABLE sessions ADD COLUMN via text NOT NULL DEFAULT 'terminal';

COMMENT ON COLUMN login_codes.via IS 'What vouches for the person: the terminal, a mail to the person''s own address, a service that was asked.';
COMMENT ON COLUMN login_codes.person_id IS 'The account that vouches: whoever uses the code is one user with it. NULL: the terminal.';
COMMENT ON COLUMN login_codes.letter IS 'The delivery that carries the link, from which only this server can make the code again; NULL: none.';
COMMENT ON COLUMN sessions.via IS 'How it began: login_codes.via.';
