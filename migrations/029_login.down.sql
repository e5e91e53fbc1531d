DROP INDEX login_codes_person;
ALTER TABLE sessions DROP COLUMN via;
ALTER TABLE login_codes DROP COLUMN letter, DROP COLUMN person_id, DROP COLUMN via;
