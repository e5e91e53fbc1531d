-- Acts that reach outside wait for a person (docs/approvals.md).

ALTER TABLE runs ADD COLUMN untrusted integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN runs.untrusted IS 'Whose words went into it besides those of the house: bits UNTRUSTED_* of core/agents/policy.h.';

CREATE TABLE approvals (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	run_id uuid NOT NULL,
	thread_id uuid NOT NULL,
	step integer NOT NULL,
	tool text NOT NULL,
	call text NOT NULL,
	origin bytea NOT NULL,
	digest bytea NOT NULL CHECK (length(digest) = 32),
	code_hash bytea CHECK (length(code_hash) = 32),
	code_seal bytea CHECK (length(code_seal) = 32),
	asker_id uuid NOT NULL,
	approvers text[] NOT NULL,
	reads uuid[] NOT NULL,
	untrusted integer NOT NULL,
	automatic boolean NOT NULL DEFAULT false,
	state smallint NOT NULL CHECK (state BETWEEN 1 AND 5),
	expires_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	decided_at timestamptz,
	decided_by uuid,
	decided_in uuid,
	FOREIGN KEY (ws, run_id) REFERENCES runs (ws, id) ON DELETE CASCADE,
	CHECK ((code_hash IS NULL) = (code_seal IS NULL))
);
CREATE UNIQUE INDEX approvals_code ON approvals (ws, code_hash) WHERE code_hash IS NOT NULL;
CREATE INDEX approvals_open ON approvals (ws, expires_at) WHERE state = 1;
CREATE INDEX approvals_run ON approvals (ws, run_id);
ALTER TABLE approvals ADD PRIMARY KEY (ws, id);

COMMENT ON TABLE approvals IS 'Acts of tools that reach outside: each waits for a person, or was done because the settings of its team allow it.';
COMMENT ON COLUMN approvals.ws IS 'The tenant.';
COMMENT ON COLUMN approvals.id IS 'The act; also the id of its delivery in outbox.';
COMMENT ON COLUMN approvals.run_id IS 'The run whose model has asked for it.';
COMMENT ON COLUMN approvals.thread_id IS 'Where it is shown and counted.';
COMMENT ON COLUMN approvals.step IS 'The place of its result among the steps of the run.';
COMMENT ON COLUMN approvals.tool IS 'The tool.';
COMMENT ON COLUMN approvals.call IS
	'What would be done, as canonical JSON: arguments, run, step, destination and tool. "{}" once the run''s words were erased.';
COMMENT ON COLUMN approvals.origin IS 'How the adapter of the destination finds it.';
COMMENT ON COLUMN approvals.digest IS 'SHA-256 of call and origin: what is approved is exactly this.';
COMMENT ON COLUMN approvals.code_hash IS 'SHA-256 of the code under which it is approved in a conversation; the code itself is kept nowhere. NULL: automatic.';
COMMENT ON COLUMN approvals.code_seal IS 'SHA-256 of the code and the digest: a code fits one content only.';
COMMENT ON COLUMN approvals.asker_id IS 'On whose wish.';
COMMENT ON COLUMN approvals.approvers IS 'Who may approve, as the team''s settings said when it was asked: asker, a role, ADAPTER:NAME.';
COMMENT ON COLUMN approvals.reads IS 'Whose words may stand in it: audiences, those of the thread too.';
COMMENT ON COLUMN approvals.untrusted IS 'runs.untrusted when it was asked.';
COMMENT ON COLUMN approvals.automatic IS 'Nobody was asked: a trusted run, to a place that the team''s settings name.';
COMMENT ON COLUMN approvals.state IS '1 asked, 2 granted (within one transaction), 3 refused, 4 expired, 5 used: its delivery is in outbox.';
COMMENT ON COLUMN approvals.expires_at IS 'It can be approved until then.';
COMMENT ON COLUMN approvals.created_at IS 'When it was asked.';
COMMENT ON COLUMN approvals.decided_at IS 'When it was decided.';
COMMENT ON COLUMN approvals.decided_by IS 'Who has decided. NULL: nobody, or that person was erased.';
COMMENT ON COLUMN approvals.decided_in IS 'The command or call that has decided: the same one again is no second decision.';

ALTER TABLE approvals ENABLE ROW LEVEL SECURITY;
ALTER TABLE approvals FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON approvals TO :"eddy" USING (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid))
	WITH CHECK (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid));
CREATE POLICY maintenance ON approvals TO :"maint" USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON approvals TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON approvals TO :"maint";

-- One way only, and what was shown stays as it is.
CREATE FUNCTION approval_one_way() RETURNS trigger
LANGUAGE plpgsql
SET search_path = eddy, pg_temp
AS $$
BEGIN
	IF NEW.state <> OLD.state AND NOT (OLD.state = 1 AND NEW.state IN (2, 3, 4) OR OLD.state = 2 AND NEW.state = 5) THEN
		RAISE EXCEPTION 'an approval goes from % to % never', OLD.state, NEW.state;
	END IF;
	IF (NEW.call, NEW.origin) IS DISTINCT FROM (OLD.call, OLD.origin) AND NOT (NEW.call = '{}' AND NEW.origin = '')
		OR (NEW.digest, NEW.run_id, NEW.asker_id, NEW.expires_at) IS DISTINCT FROM (OLD.digest, OLD.run_id, OLD.asker_id, OLD.expires_at)
		OR NOT NEW.approvers <@ OLD.approvers THEN
		RAISE EXCEPTION 'an approval is for what was shown';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION approval_one_way IS 'An approval is decided once and used once, and what it is for does not change.';
REVOKE EXECUTE ON FUNCTION approval_one_way FROM PUBLIC;
GRANT EXECUTE ON FUNCTION approval_one_way TO :"eddy", :"maint";
CREATE TRIGGER approval_one_way BEFORE UPDATE ON approvals FOR EACH ROW EXECUTE FUNCTION approval_one_way();

-- Whatever takes away what a run's tools were called with takes it from here too, and what has not left yet stays.
CREATE FUNCTION approval_forget() RETURNS trigger
LANGUAGE plpgsql
SET search_path = eddy, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT 1 FROM gone) THEN
		RETURN NULL;
	END IF;
	UPDATE outbox o SET state = 4, body = '', error = 'erased' FROM approvals a WHERE (a.ws, a.run_id) IN (SELECT g.ws, g.run_id FROM gone g)
		AND o.ws = a.ws AND o.id = a.id AND o.state = 1;
	UPDATE approvals a SET call = '{}', origin = '', state = CASE a.state WHEN 1 THEN 3 ELSE a.state END
		WHERE (a.ws, a.run_id) IN (SELECT g.ws, g.run_id FROM gone g);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION approval_forget IS 'The words of an act are erased with the steps of its run.';
REVOKE EXECUTE ON FUNCTION approval_forget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION approval_forget TO :"eddy", :"maint";
CREATE TRIGGER approval_forget AFTER DELETE ON run_steps REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION approval_forget();

-- The rules (docs/approvals.md).  Each condition stands between its number and a bar; tests take every one of them out, both ways, and have to
-- notice (tests/core/agents/approvals_test.c).  What is not known is no.
--
--  11  Who asks is a member: no guest, no bot, nobody unknown,
--  12  and an address has not refused mail from here;
--  13  a place is one that Eddy is in,
--  14  public, direct, or the one of the conversation itself: who is in another private one is not known,
--  15  and a direct one has no guest, no bot and nobody else in it.
CREATE FUNCTION may_write(asker uuid, dest jsonb, of_thread uuid) RETURNS smallint
LANGUAGE plpgsql STABLE
SET search_path = eddy, pg_temp
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	p record;
BEGIN
	IF (/*11*/ role_at(asker, tenant) >= 2 /*|*/) IS NOT TRUE THEN
		RETURN 11;
	END IF;
	IF dest->>'kind' = 'address' THEN
		IF (/*12*/ NOT EXISTS (SELECT 1 FROM stops s WHERE s.ws = tenant AND s.adapter = dest->>'adapter' AND s.external_id = dest->>'key') /*|*/)
			IS NOT TRUE THEN
			RETURN 12;
		END IF;
		RETURN 0;
	END IF;
	SELECT x.id, x.member, x.visibility INTO p FROM places x WHERE x.ws = tenant AND x.adapter = dest->>'adapter' AND x.external_id = dest->>'key';
	IF (/*13*/ p.member /*|*/) IS NOT TRUE THEN
		RETURN 13;
	END IF;
	IF (/*14*/ p.visibility IN (1, 4) OR p.id = (SELECT t.place_id FROM threads t WHERE t.ws = tenant AND t.id = of_thread) /*|*/) IS NOT TRUE THEN
		RETURN 14;
	END IF;
	IF (/*15*/ p.visibility <> 1 OR NOT EXISTS (SELECT 1 FROM threads t LEFT JOIN people x ON x.ws = t.ws AND x.id = t.only_person
		WHERE t.ws = tenant AND t.place_id = p.id AND (t.several OR x.guest OR x.bot)) /*|*/) IS NOT TRUE THEN
		RETURN 15;
	END IF;
	RETURN 0;
END $$;
COMMENT ON FUNCTION may_write IS 'Whether this person may have Eddy write to {kind, adapter, key}: 0, or the number of the rule that says no.';

--  16  All who read the destination may read everything that the text may hold,
--  17  but for what nobody else reads than who asks and approves it: one's own words one may pass on.
CREATE FUNCTION may_tell(asker uuid, dest jsonb, read uuid[], by_asker boolean) RETURNS smallint
LANGUAGE plpgsql STABLE
SET search_path = eddy, pg_temp
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	place uuid := (SELECT p.id FROM places p WHERE p.ws = tenant AND dest->>'kind' <> 'address' AND p.adapter = dest->>'adapter'
		AND p.external_id = dest->>'key');
	may uuid[] := '{}';
BEGIN
	IF place IS NOT NULL THEN
		may := (SELECT a.ids FROM allowed_audiences(NULL, place, NULL, EXISTS (SELECT 1 FROM threads t JOIN people x ON x.ws = t.ws
			AND x.id = t.only_person WHERE t.ws = tenant AND t.place_id = place AND x.guest), true, true) a);
	END IF;
	IF /*17*/ by_asker /*|*/ THEN
		may := may || ARRAY(SELECT a.id FROM audiences a WHERE a.ws = tenant AND a.kind = 2 AND a.subject IN (SELECT same_user(asker))
			UNION SELECT p.audience_id FROM own_places(tenant, asker) p WHERE p.member);
	END IF;
	IF (/*16*/ read <@ may /*|*/) IS NOT TRUE THEN
		RETURN 16;
	END IF;
	RETURN 0;
END $$;
COMMENT ON FUNCTION may_tell IS
	'Whether a text made of these audiences'' words may go to {kind, adapter, key}: 0, or the number of the rule that says no. by_asker: the asker approves it.';

--   1  It waits,
--   2  and not for too long;
--   3  what would be done is what was shown,
--   4  and the code is the one for it.
--   5  Who decides is a person,
--   6  no guest,
--   7  for whom the way of speaking vouches,
--   8  one of those whom the team's settings name,
--   9  who may read everything that it shows.
--  10  The question was not taken back; and 11 to 17 hold when it is granted.
CREATE FUNCTION approval_refusal(which uuid, person uuid, through text, at_thread uuid, code text, shown bytea, grants boolean) RETURNS smallint
LANGUAGE plpgsql STABLE
SET search_path = eddy, pg_temp
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	users uuid[] := ARRAY(SELECT same_user(person));
	a record;
	really bytea;
	sees uuid[];
	named smallint;
	n smallint;
BEGIN
	SELECT x.*, t.place_id INTO a FROM approvals x JOIN threads t ON t.ws = x.ws AND t.id = x.thread_id WHERE x.ws = tenant AND x.id = which;
	IF (/*1*/ a.state = 1 /*|*/) IS NOT TRUE THEN
		RETURN 1;
	END IF;
	IF (/*2*/ a.expires_at > now() /*|*/) IS NOT TRUE THEN
		RETURN 2;
	END IF;
	really := sha256(convert_to(a.call, 'UTF8') || a.origin);
	IF (/*3*/ a.digest = really AND (code IS NOT NULL OR shown = really) /*|*/) IS NOT TRUE THEN
		RETURN 3;
	END IF;
	IF (/*4*/ code IS NULL OR a.code_seal = sha256(convert_to(code, 'UTF8') || really) /*|*/) IS NOT TRUE THEN
		RETURN 4;
	END IF;
	IF (/*5*/ NOT (SELECT bool_or(p.bot) FROM people p WHERE p.ws = tenant AND p.id = ANY (users)) /*|*/) IS NOT TRUE THEN
		RETURN 5;
	END IF;
	IF (/*6*/ NOT (SELECT bool_or(p.guest) FROM people p WHERE p.ws = tenant AND p.id = ANY (users)) /*|*/) IS NOT TRUE THEN
		RETURN 6;
	END IF;
	IF (/*7*/ EXISTS (SELECT 1 FROM identities i WHERE i.ws = tenant AND i.verified >= 1 AND (i.person_id = person AND i.adapter = through
		OR through IS NULL AND i.person_id = ANY (users))) /*|*/) IS NOT TRUE THEN
		RETURN 7;
	END IF;
	named := CASE WHEN 'member' = ANY (a.approvers) THEN 2 WHEN 'admin' = ANY (a.approvers) THEN 3 WHEN 'owner' = ANY (a.approvers) THEN 4 ELSE 5 END;
	IF (/*8*/ 'asker' = ANY (a.approvers) AND a.asker_id = ANY (users)
		OR role_at(person, coalesce((SELECT p.team_id FROM places p WHERE p.ws = tenant AND p.id = a.place_id), tenant)) >= named
		OR EXISTS (SELECT 1 FROM identities i WHERE i.ws = tenant AND i.person_id = ANY (users) AND i.verified >= 1
			AND i.adapter || ':' || i.external_id = ANY (a.approvers)) /*|*/) IS NOT TRUE THEN
		RETURN 8;
	END IF;
	sees := ARRAY(SELECT t.audience_id FROM threads t WHERE t.ws = tenant AND t.id = at_thread
		UNION SELECT p.audience_id FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id WHERE t.ws = tenant AND t.id = at_thread
		UNION SELECT p.audience_id FROM places p WHERE p.ws = tenant AND p.visibility = 4 AND p.member
		UNION SELECT x.id FROM audiences x WHERE x.ws = tenant AND x.kind = 2 AND x.subject = ANY (users)
		UNION SELECT p.audience_id FROM own_places(tenant, person) p WHERE p.member);
	IF (/*9*/ a.reads <@ sees /*|*/) IS NOT TRUE THEN
		RETURN 9;
	END IF;
	IF NOT grants THEN
		RETURN 0;
	END IF;
	IF (/*10*/ EXISTS (SELECT 1 FROM runs r JOIN messages m ON m.ws = r.ws AND m.id = r.message_id WHERE r.ws = tenant AND r.id = a.run_id
		AND m.state <> 2) /*|*/) IS NOT TRUE THEN
		RETURN 10;
	END IF;
	n := may_write(a.asker_id, a.call::jsonb->'to', a.thread_id);
	IF n = 0 THEN
		n := may_tell(a.asker_id, a.call::jsonb->'to', a.reads, a.asker_id = ANY (users));
	END IF;
	RETURN n;
END $$;
COMMENT ON FUNCTION approval_refusal IS
	'Whether this person may now approve (grants) or refuse an act of the transaction''s workspace: 0, or the number of the rule that says no. through: the '
	'adapter the person speaks through in at_thread, NULL: the API. code or shown: what was shown to the person.';

-- As finish_reads for answers: asked again when it is about to leave.
CREATE FUNCTION approval_may_go(which uuid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = eddy, pg_temp
AS $$
	SELECT coalesce((SELECT a.state = 5 AND a.call <> '{}' AND a.digest = sha256(convert_to(a.call, 'UTF8') || a.origin)
			AND may_write(a.asker_id, a.call::jsonb->'to', a.thread_id) = 0
			AND may_tell(a.asker_id, a.call::jsonb->'to', a.reads, NOT a.automatic AND a.decided_by IN (SELECT same_user(a.asker_id))) = 0
		FROM approvals a WHERE a.ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid) AND a.id = which), true)
$$;
COMMENT ON FUNCTION approval_may_go IS 'Whether a delivery that was approved may still leave; true of one that needs no approval.';
REVOKE EXECUTE ON FUNCTION may_write, may_tell, approval_refusal, approval_may_go FROM PUBLIC;
GRANT EXECUTE ON FUNCTION may_write, may_tell, approval_refusal, approval_may_go TO :"eddy", :"maint";
