DROP FUNCTION search_made;
REVOKE SELECT (ws, id, audience_id) ON threads FROM :"search";
REVOKE SELECT ON forks, resolutions FROM :"search";
DROP POLICY search ON threads;
DROP POLICY search ON resolutions;
DROP POLICY search ON forks;
ALTER TABLE resolutions DROP COLUMN search;
ALTER TABLE forks DROP COLUMN search;
