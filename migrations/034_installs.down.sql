DROP TABLE grant_states;
ALTER TABLE installs DROP COLUMN granted, DROP COLUMN org, DROP COLUMN scopes, DROP COLUMN removed_why, DROP COLUMN changed_at;
