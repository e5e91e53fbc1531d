DROP TABLE budget_told, budgets, budget_holds;
DELETE FROM budget_days WHERE kind <> 1;
ALTER TABLE budget_days DROP CONSTRAINT budget_days_pkey;
ALTER TABLE budget_days DROP COLUMN kind, DROP COLUMN subject;
ALTER TABLE budget_days ADD PRIMARY KEY (ws, day);
COMMENT ON TABLE budget_days IS 'What a workspace has spent on a day (UTC).';
CREATE TABLE budget_holds (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	day date NOT NULL,
	owner uuid NOT NULL,
	held_micros bigint NOT NULL,
	until timestamptz NOT NULL,
	PRIMARY KEY (ws, day, owner)
) WITH (fillfactor = 50);
ALTER TABLE budget_holds SET (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE budget_holds IS 'Money that a process has reserved for calls that it may make.';
COMMENT ON COLUMN budget_holds.ws IS 'The tenant.';
COMMENT ON COLUMN budget_holds.day IS 'The day.';
COMMENT ON COLUMN budget_holds.owner IS 'The process.';
COMMENT ON COLUMN budget_holds.held_micros IS 'What it may still spend today, in micro-USD.';
COMMENT ON COLUMN budget_holds.until IS 'A hold that is not renewed is void after this.';
ALTER TABLE budget_holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE budget_holds FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON budget_holds TO :"eddy" USING (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid))
	WITH CHECK (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid));
CREATE POLICY maintenance ON budget_holds TO :"maint" USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON budget_holds TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON budget_holds TO :"maint";
