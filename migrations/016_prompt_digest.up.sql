COMMENT ON COLUMN model_calls.prompt_digest IS '8 bytes over the system prompt, 8 over messages and tools: does it come out the same when built again?';
