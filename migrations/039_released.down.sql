ALTER TABLE holds DROP COLUMN released_at;
