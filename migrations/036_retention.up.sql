-- Keeping for a time: a sweep is an erasure of what is older than its team keeps it (docs/retention.md).

ALTER TABLE erasures
	ADD plan jsonb,
	ADD walked timestamptz,
	DROP CONSTRAINT erasures_asked_check,
	ADD CONSTRAINT erasures_asked_check CHECK (asked BETWEEN 0 AND 5);

COMMENT ON COLUMN erasures.kind IS
	'1 a deleted message, 2 a thread, 3 a person, 5 what was kept long enough; 4 an edited message that side threads quote: such a row goes when they follow.';
COMMENT ON COLUMN erasures.subject IS 'Which message, thread or person, or the workspace; NULL once a person is forgotten.';
COMMENT ON COLUMN erasures.asked IS
	'Who asked for it: 0 it was deleted where it was said, 1 the person, 2 somebody else (asked_by), 3 the operator, 4 it was made again from the ledger after a restore, 5 its time is over.';
COMMENT ON COLUMN erasures.plan IS
	'Of a sweep: until when what is erased was written, in milliseconds, by kind; of what is kept by team, by the id of the team. NULL: none, or done.';
COMMENT ON COLUMN erasures.walked IS 'How far a step is that goes by time.';

-- Eddy may take away what it kept long enough.
GRANT DELETE ON provisions, provision_steps, model_calls, budget_days TO :"eddy";
