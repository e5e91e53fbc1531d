DROP INDEX place_people_who;
DROP INDEX threads_place;
CREATE INDEX threads_place ON threads (ws, place_id);
