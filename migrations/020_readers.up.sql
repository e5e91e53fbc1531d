-- With each run the readers whose words it has told, so that they can be asked again when its answer goes out.

ALTER TABLE runs ADD COLUMN reads uuid[];
COMMENT ON COLUMN runs.reads IS
	'Whose words it has read besides those of its own thread and place: audiences. Asked again when its answer is stored and posted. NULL: nobody''s.';

CREATE FUNCTION may_still_say(run uuid, read uuid[]) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = eddy, pg_temp
AS $$
	SELECT read <@ (a.ids || a.own) AND a.only_thread IS NULL
	FROM runs r CROSS JOIN LATERAL allowed_audiences(r.thread_id, NULL, r.person_id, false, r.private_reply, false) a
	WHERE r.ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid) AND r.id = run
$$;
COMMENT ON FUNCTION may_still_say IS 'Whether the rule allows a run of the transaction''s workspace, now, to answer from these audiences of other places.';
REVOKE EXECUTE ON FUNCTION may_still_say FROM PUBLIC;
GRANT EXECUTE ON FUNCTION may_still_say TO :"eddy", :"maint";
