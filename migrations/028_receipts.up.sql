-- Receipts of erasures, and what an erasure could not reach: whoever wrote settings that others go by.

ALTER TABLE erasures
	ADD asked smallint NOT NULL DEFAULT 0,
	ADD asked_by uuid,
	ADD counts jsonb NOT NULL DEFAULT '{}',
	ADD noted_at timestamptz,
	ADD CHECK (asked BETWEEN 0 AND 4),
	ADD FOREIGN KEY (ws, asked_by) REFERENCES people (ws, id);

COMMENT ON COLUMN erasures.asked IS
	'Who asked for it: 0 it was deleted where it was said, 1 the person, 2 somebody else (asked_by), 3 the operator, 4 it was made again from the ledger after a restore.';
COMMENT ON COLUMN erasures.asked_by IS 'Who asked, where that is somebody else than the person; NULL: nobody, or erased.';
COMMENT ON COLUMN erasures.counts IS 'How many values went, by kind of data (core/store/kinds.h). Numbers only.';
COMMENT ON COLUMN erasures.noted_at IS 'Since when the ledger outside the database has it; NULL: not yet. Nothing is erased before.';

GRANT UPDATE (author_id, approved_by) ON node_configs TO :"eddy";
