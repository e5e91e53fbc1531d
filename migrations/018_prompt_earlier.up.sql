ALTER TABLE model_calls ADD COLUMN prompt_earlier bigint;
COMMENT ON COLUMN model_calls.prompt_earlier IS 'What had been said in the thread before this number was told in short; 0: nothing.';
