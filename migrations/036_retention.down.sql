REVOKE DELETE ON provisions, provision_steps, model_calls, budget_days FROM :"eddy";
ALTER TABLE erasures
	DROP CONSTRAINT erasures_asked_check,
	DROP plan,
	DROP walked,
	ADD CONSTRAINT erasures_asked_check CHECK (asked BETWEEN 0 AND 4) NOT VALID;
COMMENT ON COLUMN erasures.kind IS '1 a deleted message, 2 a thread, 3 a person; 4 an edited message that side threads quote: such a row goes when they follow.';
COMMENT ON COLUMN erasures.subject IS 'Which message, thread or person; NULL once a person is forgotten.';
COMMENT ON COLUMN erasures.asked IS
	'Who asked for it: 0 it was deleted where it was said, 1 the person, 2 somebody else (asked_by), 3 the operator, 4 it was made again from the ledger after a restore.';
