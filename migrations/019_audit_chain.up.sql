-- The audit log becomes a chain: committed entries are numbered and linked in each workspace (docs/adr/087-audit-chain.md).  What tells of a
-- person stands apart, erasable; the entry and the chain hold digests of it.

ALTER TABLE audit ADD COLUMN tx xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE audit ADD COLUMN actor bytea CHECK (length(actor) = 32);
ALTER TABLE audit ADD COLUMN about bytea CHECK (length(about) = 32);
ALTER TABLE audit ADD COLUMN detail_digest bytea CHECK (length(detail_digest) = 32);
ALTER TABLE audit ADD COLUMN facts jsonb;
CREATE INDEX audit_tx ON audit (ws, tx);

CREATE TABLE audit_people (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	person_id uuid NOT NULL,
	salt bytea NOT NULL CHECK (length(salt) = 32),
	tag bytea NOT NULL CHECK (length(tag) = 32),
	UNIQUE (ws, tag),
	PRIMARY KEY (ws, person_id)
);

CREATE TABLE audit_details (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	entry_id uuid NOT NULL,
	salt bytea NOT NULL CHECK (length(salt) = 32),
	detail jsonb NOT NULL,
	actor bytea,
	about bytea,
	at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, entry_id)
);
ALTER TABLE audit_details ALTER detail SET STATISTICS 0;

CREATE TABLE audit_chain (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	n bigint NOT NULL CHECK (n > 0),
	entry_id uuid NOT NULL,
	digest bytea NOT NULL CHECK (length(digest) = 32),
	h bytea NOT NULL CHECK (length(h) = 32),
	UNIQUE (ws, entry_id),
	PRIMARY KEY (ws, n)
);

CREATE TABLE audit_seals (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	tx xid8 NOT NULL,
	PRIMARY KEY (ws)
);

COMMENT ON COLUMN audit.actor_id IS 'A person, as the writer names it; the trigger puts its tag into actor. Stored: NULL.';
COMMENT ON COLUMN audit.detail IS 'Further facts that may tell of people; the trigger puts them into audit_details. Stored: NULL. Never message text.';
COMMENT ON COLUMN audit.subject IS 'To what; the verb says which table. A person: NULL, its tag is in about.';
COMMENT ON COLUMN audit.tx IS 'The transaction that wrote it: what is below the oldest open one is all there is.';
COMMENT ON COLUMN audit.actor IS 'Who did it: audit_people.tag. NULL: Eddy itself.';
COMMENT ON COLUMN audit.about IS 'To whom: audit_people.tag. NULL: it is about no person.';
COMMENT ON COLUMN audit.detail_digest IS 'SHA-256 of the salt and the text of audit_details.detail.';
COMMENT ON COLUMN audit.facts IS 'Ids, numbers, names of models and tools; nothing that tells of a person, because it is linked as it stands.';
COMMENT ON TABLE audit_people IS 'Which person a tag of the audit log stands for. Without its row nobody can tell.';
COMMENT ON COLUMN audit_people.ws IS 'The tenant.';
COMMENT ON COLUMN audit_people.person_id IS 'The person.';
COMMENT ON COLUMN audit_people.salt IS 'Random.';
COMMENT ON COLUMN audit_people.tag IS 'SHA-256 of the salt and the sixteen bytes of the person''s id.';
COMMENT ON TABLE audit_details IS 'What an entry of the audit log says beyond ids. A row may go; the entry keeps its digest.';
COMMENT ON COLUMN audit_details.ws IS 'The tenant.';
COMMENT ON COLUMN audit_details.entry_id IS 'The entry.';
COMMENT ON COLUMN audit_details.salt IS 'Random.';
COMMENT ON COLUMN audit_details.detail IS 'The facts.';
COMMENT ON COLUMN audit_details.actor IS 'As in audit: whose they are.';
COMMENT ON COLUMN audit_details.about IS 'As in audit.';
COMMENT ON COLUMN audit_details.at IS 'When it was written.';
COMMENT ON TABLE audit_chain IS 'The entries of the audit log in the order in which they were linked. Rows are only ever added.';
COMMENT ON COLUMN audit_chain.ws IS 'The tenant.';
COMMENT ON COLUMN audit_chain.n IS 'Its number, from 1 on, without gaps.';
COMMENT ON COLUMN audit_chain.entry_id IS 'The entry. No foreign key: its check would write a lock into every entry, and verify looks anyway.';
COMMENT ON COLUMN audit_chain.digest IS 'SHA-256 of the canonical payload.';
COMMENT ON COLUMN audit_chain.h IS 'SHA-256 of 0x01, h of n - 1 (n = 1: 32 zero bytes), n as 8 bytes, the payload''s length as 4 bytes, the payload.';
COMMENT ON TABLE audit_seals IS 'How far the audit log of a workspace is linked.';
COMMENT ON COLUMN audit_seals.ws IS 'The tenant.';
COMMENT ON COLUMN audit_seals.tx IS 'All entries of transactions below this are in the chain.';

DO $$
DECLARE
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['audit_people', 'audit_details', 'audit_chain', 'audit_seals'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
-- Nobody but the owner changes an entry, a link or a salted value; what may go is what can be erased.
GRANT SELECT, INSERT ON audit_chain TO :"eddy";
GRANT SELECT, INSERT, UPDATE ON audit_seals TO :"eddy";
GRANT SELECT, INSERT, DELETE ON audit_people, audit_details TO :"eddy";
GRANT SELECT ON audit_chain, audit_seals TO :"maint";
GRANT SELECT, INSERT, DELETE ON audit_people, audit_details TO :"maint";

CREATE FUNCTION audit_tag(tenant uuid, person uuid) RETURNS bytea
LANGUAGE plpgsql
SET search_path = eddy, pg_temp
AS $$
DECLARE
	found_tag bytea;
	s bytea;
BEGIN
	SELECT p.tag INTO found_tag FROM audit_people p WHERE p.ws = tenant AND p.person_id = person;
	IF found_tag IS NULL THEN
		s := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
		INSERT INTO audit_people (ws, person_id, salt, tag) VALUES (tenant, person, s, sha256(s || uuid_send(person)))
			ON CONFLICT (ws, person_id) DO NOTHING;
		SELECT p.tag INTO found_tag FROM audit_people p WHERE p.ws = tenant AND p.person_id = person;
	END IF;
	RETURN found_tag;
END $$;
COMMENT ON FUNCTION audit_tag IS 'The tag that stands for a person in the audit log; made when there is none.';

CREATE FUNCTION audit_apart() RETURNS trigger
LANGUAGE plpgsql
SET search_path = eddy, pg_temp
AS $$
DECLARE
	s bytea;
BEGIN
	-- Told again: the insert comes to nothing, and what was erased since must not come back.
	IF EXISTS (SELECT 1 FROM audit a WHERE a.ws = NEW.ws AND a.id = NEW.id) THEN
		NEW.actor_id := NULL;
		NEW.detail := NULL;
		RETURN NEW;
	END IF;
	IF NEW.actor_id IS NOT NULL THEN
		NEW.actor := audit_tag(NEW.ws, NEW.actor_id);
		NEW.actor_id := NULL;
	END IF;
	IF NEW.subject IS NOT NULL AND EXISTS (SELECT 1 FROM people p WHERE p.ws = NEW.ws AND p.id = NEW.subject) THEN
		NEW.about := audit_tag(NEW.ws, NEW.subject);
		NEW.subject := NULL;
	END IF;
	IF NEW.detail IS NOT NULL THEN
		s := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
		INSERT INTO audit_details (ws, entry_id, salt, detail, actor, about) VALUES (NEW.ws, NEW.id, s, NEW.detail, NEW.actor, NEW.about)
			ON CONFLICT (ws, entry_id) DO NOTHING;
		SELECT sha256(d.salt || convert_to(d.detail::text, 'UTF8')) INTO NEW.detail_digest FROM audit_details d
			WHERE d.ws = NEW.ws AND d.entry_id = NEW.id;
		NEW.detail := NULL;
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION audit_apart IS 'Puts what tells of a person apart from the entry, so that it can be erased while the chain stays whole.';
REVOKE EXECUTE ON FUNCTION audit_tag, audit_apart FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_tag, audit_apart TO :"eddy", :"maint";

-- What is there already.  The owner is bound by row security too, so it steps aside for these lines.
ALTER TABLE audit NO FORCE ROW LEVEL SECURITY;
ALTER TABLE people NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_people NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_details NO FORCE ROW LEVEL SECURITY;
UPDATE audit SET actor = audit_tag(ws, actor_id), actor_id = NULL WHERE actor_id IS NOT NULL;
UPDATE audit a SET about = audit_tag(a.ws, a.subject), subject = NULL FROM people p WHERE p.ws = a.ws AND p.id = a.subject;
INSERT INTO audit_details (ws, entry_id, salt, detail, actor, about, at)
	SELECT ws, id, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), detail, actor, about, at FROM audit WHERE detail IS NOT NULL;
UPDATE audit a SET detail = NULL, detail_digest = sha256(d.salt || convert_to(d.detail::text, 'UTF8')) FROM audit_details d
	WHERE d.ws = a.ws AND d.entry_id = a.id;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
ALTER TABLE people FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_people FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_details FORCE ROW LEVEL SECURITY;

ALTER TABLE audit ADD CONSTRAINT audit_apart CHECK (actor_id IS NULL AND detail IS NULL);
CREATE TRIGGER audit_apart BEFORE INSERT ON audit FOR EACH ROW WHEN (NEW.actor_id IS NOT NULL OR NEW.detail IS NOT NULL)
	EXECUTE FUNCTION audit_apart();
