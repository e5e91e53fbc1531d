ALTER TABLE agents DROP COLUMN description, DROP COLUMN sub_agents;
