-- Agents that an agent may ask, and what each of them is good for.

ALTER TABLE agents ADD COLUMN sub_agents text[] NOT NULL DEFAULT '{}';
ALTER TABLE agents ADD COLUMN description text;
COMMENT ON COLUMN agents.sub_agents IS 'Short names of the agents that it may ask.';
COMMENT ON COLUMN agents.description IS 'What it is good for, for agents that may ask it. NULL: its name says it.';
