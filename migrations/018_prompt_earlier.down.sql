ALTER TABLE model_calls DROP COLUMN prompt_earlier;
