-- Secrets of a workspace, sealed with a key that is not in the database (docs/adr/088-sealed-secrets.md).

CREATE TABLE secrets (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 120),
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
	key_id text NOT NULL CHECK (length(key_id) = 16),
	nonce bytea NOT NULL CHECK (length(nonce) = 24),
	sealed bytea NOT NULL CHECK (length(sealed) BETWEEN 17 AND 16400),
	created_at timestamptz NOT NULL DEFAULT now(),
	changed_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, kind, name)
);
ALTER TABLE secrets ALTER sealed SET STATISTICS 0, ALTER nonce SET STATISTICS 0;

COMMENT ON TABLE secrets IS 'Secret values, sealed. Nobody reads them without the master key.';
COMMENT ON COLUMN secrets.ws IS 'The tenant.';
COMMENT ON COLUMN secrets.kind IS 'Whose it is: an adapter, engine, or own for what an operator has set.';
COMMENT ON COLUMN secrets.name IS 'Its name.';
COMMENT ON COLUMN secrets.key_id IS 'Which master key it is sealed under: a digest of that key.';
COMMENT ON COLUMN secrets.nonce IS 'Random.';
COMMENT ON COLUMN secrets.sealed IS 'XChaCha20-Poly1305 of the value, bound to workspace, kind and name.';
COMMENT ON COLUMN secrets.created_at IS 'When it was first set.';
COMMENT ON COLUMN secrets.changed_at IS 'When it was last set; sealing it anew is no change.';

DO $$
DECLARE
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
	ALTER TABLE secrets FORCE ROW LEVEL SECURITY;
	EXECUTE format('CREATE POLICY tenant ON secrets TO :"eddy" USING %s WITH CHECK %s', tenant, tenant);
	EXECUTE 'CREATE POLICY maintenance ON secrets TO :"maint" USING (true) WITH CHECK (true)';
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON secrets TO :"eddy";
GRANT SELECT, DELETE ON secrets TO :"maint";
