DROP TABLE offers, context_sources, context_items, summaries, resolutions, forks;
ALTER TABLE runs DROP COLUMN builtin, DROP COLUMN about_id;
ALTER TABLE messages DROP COLUMN whole, DROP COLUMN components;
ALTER TABLE people DROP COLUMN private;
ALTER TABLE places DROP COLUMN sum_up;
ALTER TABLE threads DROP COLUMN fork_id, DROP COLUMN state;
