-- Teams whose agents answer in processes of their own.
ALTER TABLE dispatch ADD pool uuid;
COMMENT ON COLUMN dispatch.pool IS 'The team whose own processes the thread waits for (runtime.mode); NULL: any process, which looks whose it is.';
CREATE INDEX dispatch_pool ON dispatch (ws, pool) WHERE pool IS NOT NULL;
