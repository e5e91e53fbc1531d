ALTER TABLE threads DROP COLUMN human_seq;
DROP TRIGGER place_closes ON places;
DROP FUNCTION place_closes();
ALTER TABLE places DROP COLUMN allowed_at;
ALTER TABLE people DROP COLUMN kind;
