ALTER TABLE forks ADD COLUMN quotes boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN forks.quotes IS 'Its topic is the words of the message that it is about, and goes with them.';
