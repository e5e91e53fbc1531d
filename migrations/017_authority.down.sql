DROP FUNCTION allowed_audiences, own_places;
