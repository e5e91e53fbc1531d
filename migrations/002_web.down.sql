-- Opinions are gone afterwards.

DROP INDEX threads_place;
DROP TABLE feedback;
