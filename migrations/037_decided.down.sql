COMMENT ON COLUMN runs.about_id IS 'The message that a command speaks of, where it was pointed at; NULL: the words say it.';
