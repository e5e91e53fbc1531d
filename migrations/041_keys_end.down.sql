COMMENT ON COLUMN api_keys.warned_at IS 'When it was said that it ends soon; NULL: not yet.';
ALTER TABLE api_keys DROP COLUMN last_warned_at;
