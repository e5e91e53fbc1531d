ALTER INDEX messages_when SET (pages_per_range = 32);
REINDEX INDEX messages_when;
