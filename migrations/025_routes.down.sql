DROP TRIGGER place_route ON places;
DROP FUNCTION place_route;
DROP TABLE routes;
