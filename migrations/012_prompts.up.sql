-- What it takes to build the request of a model call again, and a digest to tell whether it came out the same.

ALTER TABLE model_calls ADD COLUMN prompt_at timestamptz, ADD COLUMN prompt_from bigint, ADD COLUMN prompt_upto bigint,
	ADD COLUMN prompt_digest bytea, ADD COLUMN prompt_earlier bigint;
COMMENT ON COLUMN model_calls.prompt_at IS 'The moment that the prompt names; NULL: from before this was kept.';
COMMENT ON COLUMN model_calls.prompt_from IS 'First number of the thread that was told; 0: the task of a command.';
COMMENT ON COLUMN model_calls.prompt_upto IS 'Last number of the thread that was told.';
COMMENT ON COLUMN model_calls.prompt_digest IS '8 bytes over the system prompt, 8 over messages and tools: does it come out the same when built again?';
COMMENT ON COLUMN model_calls.prompt_earlier IS 'What had been said in the thread before this number was told in short; 0: nothing.';
