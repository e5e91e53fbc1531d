DROP FUNCTION may_have_said;
DROP TRIGGER reader_change ON identities;
DROP TRIGGER reader_change ON threads;
DROP TRIGGER reader_change ON people;
DROP TRIGGER reader_change ON places;
DROP FUNCTION reader_change;
ALTER TABLE workspaces DROP COLUMN readers_since;
DROP TABLE reader_changes;
