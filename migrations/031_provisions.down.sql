REVOKE DELETE ON agents FROM :"eddy";
DROP TABLE provision_steps;
DROP TABLE provisions;
