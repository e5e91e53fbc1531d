DROP FUNCTION may_still_say;
ALTER TABLE runs DROP COLUMN reads;
