DROP INDEX dispatch_pool;
ALTER TABLE dispatch DROP pool;
