-- Lists of threads page by (created_at, id); people are looked for among the readers of places.

DROP INDEX threads_place;
CREATE INDEX threads_place ON threads (ws, place_id, created_at, id);
CREATE INDEX place_people_who ON place_people (ws, external_id);
