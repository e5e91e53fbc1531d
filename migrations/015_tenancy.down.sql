DROP TRIGGER workspace_root ON workspaces;
DROP FUNCTION workspace_root, role_at, same_user;
ALTER TABLE people DROP COLUMN user_id;
ALTER TABLE places DROP COLUMN team_id;
DROP TABLE members, nodes;
