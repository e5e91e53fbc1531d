ALTER TABLE runs DROP COLUMN due;
DROP TABLE duties, stops, place_people, aliases;
