COMMENT ON COLUMN model_calls.prompt_digest IS '8 bytes of SHA-256 over the system prompt, 8 over messages and tools.';
