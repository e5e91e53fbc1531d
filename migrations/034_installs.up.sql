-- Workspaces that were added by granting it (OAuth), and grants that were used.

ALTER TABLE installs
	ADD COLUMN granted boolean NOT NULL DEFAULT false,
	ADD COLUMN org boolean NOT NULL DEFAULT false,
	ADD COLUMN scopes text,
	ADD COLUMN removed_why text,
	ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();

COMMENT ON COLUMN installs.granted IS 'Added by somebody there who granted it; its token is a secret of kind adapter. False: the tokens of the settings.';
COMMENT ON COLUMN installs.org IS 'One token for all workspaces of an organisation, which external_id names.';
COMMENT ON COLUMN installs.scopes IS 'What was granted, with commas; NULL: not told.';
COMMENT ON COLUMN installs.removed_why IS 'Why it was removed: uninstalled, revoked, operator; NULL while installed.';
COMMENT ON COLUMN installs.changed_at IS 'When it was last granted, renewed or removed: processes look at what has changed.';

CREATE TABLE grant_states (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	until timestamptz NOT NULL
);
CREATE INDEX grant_states_until ON grant_states (ws, until);
ALTER TABLE grant_states ADD PRIMARY KEY (ws, id);

COMMENT ON TABLE grant_states IS 'States of a grant (OAuth) that came back: each counts once. Those that ended are deleted.';
COMMENT ON COLUMN grant_states.ws IS 'The tenant whose page began it.';
COMMENT ON COLUMN grant_states.id IS 'Its random part.';
COMMENT ON COLUMN grant_states.until IS 'When it would have ended anyway.';

ALTER TABLE grant_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE grant_states FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON grant_states TO :"eddy" USING (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid))
	WITH CHECK (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid));
CREATE POLICY maintenance ON grant_states TO :"maint" USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON grant_states TO :"eddy";
GRANT SELECT, DELETE ON grant_states TO :"maint";
