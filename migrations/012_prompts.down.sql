ALTER TABLE model_calls DROP COLUMN prompt_at, DROP COLUMN prompt_from, DROP COLUMN prompt_upto, DROP COLUMN prompt_digest, DROP COLUMN prompt_earlier;
