-- Settings and what runs have gone by can name a person by an account; who is erased is taken out of them.
GRANT UPDATE (doc, diff) ON node_configs TO :"eddy";
GRANT UPDATE (doc) ON config_snapshots TO :"eddy";
