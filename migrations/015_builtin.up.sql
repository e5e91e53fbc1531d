-- Which answers the builtin provider gave: quotes of what was said, of no use in a summary of it.

ALTER TABLE runs ADD COLUMN builtin boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN runs.builtin IS 'The builtin provider gave the answer, not a model.';
