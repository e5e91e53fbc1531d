-- Budgets: what the workspace, each team and each person may spend in a day and in a month, in money and in tokens, and what they have spent.

-- What was spent, by day, for everybody who pays for a call: the workspace, the teams that own the place, the user who asked.
ALTER TABLE budget_days ADD COLUMN kind smallint NOT NULL DEFAULT 1 CHECK (kind BETWEEN 1 AND 3), ADD COLUMN subject uuid;
UPDATE budget_days SET subject = ws;
ALTER TABLE budget_days ALTER COLUMN kind DROP DEFAULT, ALTER COLUMN subject SET NOT NULL;
ALTER TABLE budget_days DROP CONSTRAINT budget_days_pkey;
ALTER TABLE budget_days ADD PRIMARY KEY (ws, kind, subject, day);
COMMENT ON TABLE budget_days IS 'What somebody who pays for model calls has spent on a day (UTC): the workspace, a team or unit, a user.';
COMMENT ON COLUMN budget_days.kind IS 'Who: 1 the workspace, 2 a node (team or unit), 3 a user.';
COMMENT ON COLUMN budget_days.subject IS 'Which: the workspace, the node, the person that stands for all linked ones.';

-- Holds live for minutes: those of before mean nothing here.
DROP TABLE budget_holds;
CREATE TABLE budget_holds (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
	subject uuid NOT NULL,
	owner uuid NOT NULL,
	held_micros bigint NOT NULL,
	held_tokens bigint NOT NULL,
	until timestamptz NOT NULL,
	PRIMARY KEY (ws, kind, subject, owner)
) WITH (fillfactor = 50);
ALTER TABLE budget_holds SET (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE budgets (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
	subject uuid NOT NULL,
	period smallint NOT NULL CHECK (period BETWEEN 1 AND 2),
	cap_micros bigint CHECK (cap_micros >= 0),
	cap_tokens bigint CHECK (cap_tokens >= 0),
	set_by uuid,
	set_at timestamptz NOT NULL DEFAULT now(),
	CHECK (cap_micros IS NOT NULL OR cap_tokens IS NOT NULL),
	PRIMARY KEY (ws, kind, subject, period)
);

CREATE TABLE budget_told (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
	subject uuid NOT NULL,
	period smallint NOT NULL CHECK (period BETWEEN 1 AND 2),
	since date NOT NULL,
	level smallint NOT NULL CHECK (level IN (50, 80, 100)),
	at timestamptz NOT NULL DEFAULT now(),
	reached integer NOT NULL,
	PRIMARY KEY (ws, kind, subject, period, since, level)
);

COMMENT ON TABLE budget_holds IS 'Money and tokens that a process has put aside for calls that it may make.';
COMMENT ON COLUMN budget_holds.ws IS 'The tenant.';
COMMENT ON COLUMN budget_holds.kind IS 'Whose: as in budget_days.';
COMMENT ON COLUMN budget_holds.subject IS 'Whose: as in budget_days.';
COMMENT ON COLUMN budget_holds.owner IS 'The process.';
COMMENT ON COLUMN budget_holds.held_micros IS 'What it may still spend, in micro-USD.';
COMMENT ON COLUMN budget_holds.held_tokens IS 'What it may still use, in tokens, in and out.';
COMMENT ON COLUMN budget_holds.until IS 'A hold that is not renewed is void after this.';
COMMENT ON TABLE budgets IS 'What may be spent at most. What the settings allow the workspace holds beside it: the lower counts.';
COMMENT ON COLUMN budgets.ws IS 'The tenant.';
COMMENT ON COLUMN budgets.kind IS 'Who: 1 the workspace, 2 a node (team or unit), 3 a user.';
COMMENT ON COLUMN budgets.subject IS 'Which: the workspace, the node, the user. With kind 2 or 3 the workspace''s own id: each one that has no row of its own.';
COMMENT ON COLUMN budgets.period IS '1 a day, 2 a month (UTC).';
COMMENT ON COLUMN budgets.cap_micros IS 'In micro-USD; NULL: no such limit.';
COMMENT ON COLUMN budgets.cap_tokens IS 'In tokens, in and out; NULL: no such limit.';
COMMENT ON COLUMN budgets.set_by IS 'The person who set it; NULL: a key or the operator.';
COMMENT ON COLUMN budgets.set_at IS 'When.';
COMMENT ON TABLE budget_told IS 'Which notices about a budget were made: each once.';
COMMENT ON COLUMN budget_told.ws IS 'The tenant.';
COMMENT ON COLUMN budget_told.kind IS 'Whose budget: as in budgets.';
COMMENT ON COLUMN budget_told.subject IS 'Whose budget: as in budget_days.';
COMMENT ON COLUMN budget_told.period IS '1 a day, 2 a month.';
COMMENT ON COLUMN budget_told.since IS 'The first day of that day or month.';
COMMENT ON COLUMN budget_told.level IS 'Percent: 50, 80; 100: a call was refused.';
COMMENT ON COLUMN budget_told.at IS 'When.';
COMMENT ON COLUMN budget_told.reached IS 'How many admins the notice went to; 0: it stands only in the log and in `eddy doctor`.';

DO $$
DECLARE
	t text;
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	FOREACH t IN ARRAY ARRAY['budget_holds', 'budgets', 'budget_told'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON budget_holds, budgets, budget_told TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON budget_holds, budgets, budget_told TO :"maint";
