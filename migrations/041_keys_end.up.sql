-- That a key ends is said twice: a week and a day before.
ALTER TABLE api_keys ADD COLUMN last_warned_at timestamptz;
COMMENT ON COLUMN api_keys.warned_at IS 'When it was said that it ends within a week, or that was left out because it lives for less than eight days; NULL: not yet.';
COMMENT ON COLUMN api_keys.last_warned_at IS 'When it was said that it ends within a day; NULL: not yet.';
