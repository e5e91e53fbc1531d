-- What a hold kept is looked through after a hold has ended, not with every round.
ALTER TABLE holds ADD released_at timestamptz;
COMMENT ON COLUMN holds.released_at IS 'Since when nothing is held that it alone covered; NULL: it stands, or that is still to be seen to.';
