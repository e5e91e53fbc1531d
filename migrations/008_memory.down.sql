DROP FUNCTION search_items;
DROP POLICY search ON context_items;
REVOKE SELECT ON context_items FROM :"search";
ALTER INDEX context_items_search RESET (fastupdate);
ALTER TABLE runs DROP COLUMN given;
ALTER TABLE context_items DROP COLUMN number;
