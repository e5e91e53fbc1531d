REVOKE UPDATE (author_id, approved_by) ON node_configs FROM :"eddy";
ALTER TABLE erasures DROP asked, DROP asked_by, DROP counts, DROP noted_at;
