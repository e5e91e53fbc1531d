-- Which team something from outside belongs to.

CREATE TABLE routes (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 7),
	value text NOT NULL CHECK (octet_length(value) BETWEEN 1 AND 320),
	node_id uuid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (ws, node_id) REFERENCES nodes (ws, id)
);
CREATE INDEX routes_node ON routes (ws, node_id);
ALTER TABLE routes ADD PRIMARY KEY (ws, kind, value);

COMMENT ON TABLE routes IS 'What a team has claimed: channels, addresses, services, repositories. Where something names several, the lowest kind that is claimed counts.';
COMMENT ON COLUMN routes.ws IS 'The tenant.';
COMMENT ON COLUMN routes.kind IS
	'enum route_kind: 1 Slack channel, 2 mail address, 3 PagerDuty service, 4 incident.io team, 5 incident.io source, 6 GitHub repository, 7 service.';
COMMENT ON COLUMN routes.value IS 'Trimmed, in lower case, names with hyphens. Those of kind 1 and 2 say the same as places.team_id.';
COMMENT ON COLUMN routes.node_id IS 'Whose it is.';
COMMENT ON COLUMN routes.created_at IS 'Since when it is claimed.';

ALTER TABLE routes ENABLE ROW LEVEL SECURITY;
ALTER TABLE routes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON routes TO :"eddy" USING (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid))
	WITH CHECK (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid));
CREATE POLICY maintenance ON routes TO :"maint" USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON routes TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON routes TO :"maint";

-- What was given to a team before there were routes.
INSERT INTO routes (ws, kind, value, node_id)
	SELECT p.ws, 1, lower(p.external_id), p.team_id FROM places p WHERE p.adapter = 'slack' AND p.team_id IS NOT NULL AND p.visibility <> 1
	ON CONFLICT DO NOTHING;

-- Only new places: a message in a known one does not come here.
CREATE FUNCTION place_route() RETURNS trigger
LANGUAGE plpgsql
SET search_path = eddy, pg_temp
AS $$
BEGIN
	UPDATE places p SET team_id = nullif(r.node_id, r.ws) FROM routes r WHERE r.ws = NEW.ws AND p.ws = NEW.ws AND p.id = NEW.id
		AND r.kind = CASE NEW.adapter WHEN 'slack' THEN 1 ELSE 2 END
		AND r.value = CASE NEW.adapter WHEN 'slack' THEN lower(NEW.external_id) ELSE lower(split_part(NEW.external_id, '/', 1)) END;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION place_route IS 'A place that is seen for the first time belongs to the team that has claimed it.';
REVOKE EXECUTE ON FUNCTION place_route FROM PUBLIC;
GRANT EXECUTE ON FUNCTION place_route TO :"eddy", :"maint";
CREATE TRIGGER place_route AFTER INSERT ON places FOR EACH ROW WHEN (NEW.adapter IN ('slack', 'email') AND NEW.visibility <> 1)
	EXECUTE FUNCTION place_route();
