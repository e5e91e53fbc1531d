-- The conversation where consent was asked for hears what became of it (docs/approvals.md).

COMMENT ON COLUMN runs.about_id IS
	'The message that a command speaks of, where it was pointed at; of command 57 the approval whose end it tells; NULL: the words say it.';
