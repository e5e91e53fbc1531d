ALTER TABLE context_items DROP COLUMN search;
ALTER TABLE context_items ADD COLUMN search tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('eddy.plain', body)) STORED;
ALTER TABLE context_items ALTER search SET STATISTICS 0;
CREATE INDEX context_items_search ON context_items USING gin (ws, search) WITH (fastupdate = off);
COMMENT ON COLUMN context_items.search IS 'Words of the body.';
