REVOKE UPDATE (doc, diff) ON node_configs FROM :"eddy";
REVOKE UPDATE (doc) ON config_snapshots FROM :"eddy";
