-- A fact is found by what it is about ("time zone"), too.

ALTER TABLE context_items DROP COLUMN search;
ALTER TABLE context_items ADD COLUMN search tsvector NOT NULL
	GENERATED ALWAYS AS (to_tsvector('eddy.plain', coalesce(attribute || ': ', '') || body)) STORED;
ALTER TABLE context_items ALTER search SET STATISTICS 0;
CREATE INDEX context_items_search ON context_items USING gin (ws, search) WITH (fastupdate = off);
COMMENT ON COLUMN context_items.search IS 'Words of the body and of what of a person it says.';
