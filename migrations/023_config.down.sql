ALTER TABLE runs DROP COLUMN config_id;
DROP TABLE config_snapshots, pending_changes, node_configs;
