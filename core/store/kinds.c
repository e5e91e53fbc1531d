/*
 * The list itself, a table after the other, and the page that is made from it.  A new column is put here in the commit that makes it: a test
 * fails until it is, and until erasing somebody reaches it.
 */
#include "kinds.h"

#include <string.h>

const struct data_kind data_kinds[] = {
	{ "identity", "who somebody is: names, accounts, time zone, links between accounts, rights, settings of their own",
	    "until the person is erased" },
	{ "messages", "what people wrote and Eddy answered, files by reference, titles, reactions",
	    "until it is deleted or erased, or `retention.messages` is over" },
	{ "memory", "what was made of messages: notes, decisions, facts, summaries, resolutions, vectors",
	    "as long as the messages it rests on; proposals 30 days" },
	{ "work", "what runs were told, called and worked out; answers kept for repeated calls",
	    "until it is erased, or `retention.work` is over; answers for repeated calls a day" },
	{ "addresses", "where answers go, and the platforms' names of places, threads and deliveries",
	    "as long as what went there" },
	{ "sessions", "log-ins, codes, passwords, keys of the API",
	    "until they end, are used or are taken away (`retention.sessions`); a key until it is revoked" },
	{ "opinions", "thumbs up and down, and why", "until taken back or erased" },
	{ "money", "what somebody may spend and has spent",
	    "until the person is erased; sums stay without a name (`retention.usage`)" },
	{ "audit", "who did what: whom a tag of the audit log stands for, and further facts",
	    "until the person is erased, or `retention.audit` is over; entries stay" },
	{ "erasures", "what is being erased, while it is", "until the erasure is done; its receipt stays" },
	{ "settings", "teams, their settings, agents, routes: nothing of a person beyond what is listed under the others",
	    "until the whole workspace is erased" },
	{ "secrets", "what opens something: sealed values and digests of keys and codes", "until it is removed, ends or is used" },
	{ NULL, NULL, NULL },
};

#define P(column, kind, way) \
	{ \
		column, DATA_PERSONAL, kind, way \
	}
#define C(column, kind, way) \
	{ \
		column, DATA_CONTENT, kind, way \
	}
#define S(column, way) \
	{ \
		column, DATA_SECRET, "secrets", way \
	}
#define COLUMNS(...) \
	(const struct data_column[]) \
	{ \
		__VA_ARGS__, \
		{ \
			NULL, DATA_PERSONAL, NULL, DATA_ROW \
		} \
	}

const struct data_table data_tables[] = {
	{ "adapter_notes", "ws adapter key value changed_at", NULL },
	{ "agents", "ws id slug name model prompt tools max_tokens max_turns seed_digest active created_at sub_agents description",
	    NULL },
	{ "aliases", "ws thread_id created_at", COLUMNS(P("id", "addresses", DATA_ROW)) },
	{ "api_answers", "ws digest request_id made_at",
	    COLUMNS(P("caller_id", "work", DATA_ROW), S("key_hash", DATA_ROW), C("answer", "work", DATA_ROW)) },
	{ "api_key_homes", "id ws", COLUMNS(S("secret_hash", DATA_STAYS)) },
	{ "api_keys", "ws id node_id role scopes issued_key created_at expires_at warned_at last_warned_at used_at revoked_at",
	    COLUMNS(P("name", "sessions", DATA_EMPTY), P("person_id", "sessions", DATA_UNTIED),
	        P("issued_by", "sessions", DATA_UNTIED)) },
	{ "approvals",
	    "ws id run_id thread_id step tool digest reads untrusted automatic state expires_at created_at decided_at decided_in",
	    COLUMNS(C("call", "work", DATA_ROW), P("origin", "addresses", DATA_ROW), P("asker_id", "work", DATA_ROW),
	        P("approvers", "work", DATA_UNTIED), P("decided_by", "work", DATA_UNTIED), S("code_hash", DATA_ROW),
	        S("code_seal", DATA_ROW)) },
	{ "audiences", "ws id kind", COLUMNS(P("subject", "identity", DATA_UNTIED)) },
	{ "audit", "ws id verb subject thread_id at tx actor about detail_digest facts",
	    COLUMNS(P("actor_id", "audit", DATA_NEVER), P("detail", "audit", DATA_NEVER)) },
	{ "audit_chain", "ws n entry_id digest h", NULL },
	{ "audit_details", "ws entry_id salt actor about at", COLUMNS(P("detail", "audit", DATA_ROW)) },
	{ "audit_people", "ws salt tag", COLUMNS(P("person_id", "audit", DATA_ROW)) },
	{ "audit_seals", "ws tx", NULL },
	{ "budget_days", "ws day spent_micros calls input_tokens output_tokens kind", COLUMNS(P("subject", "money", DATA_STAYS)) },
	{ "budget_holds", "ws kind owner held_micros held_tokens until", COLUMNS(P("subject", "money", DATA_STAYS)) },
	{ "budget_told", "ws kind period since level at reached", COLUMNS(P("subject", "money", DATA_ROW)) },
	{ "budgets", "ws kind period cap_micros cap_tokens set_at",
	    COLUMNS(P("subject", "money", DATA_ROW), P("set_by", "money", DATA_UNTIED)) },
	{ "config_snapshots", "ws id created_at", COLUMNS(P("doc", "identity", DATA_UNTIED)) },
	{ "context_items",
	    "ws id kind scope scope_id state origin confidence audience_id replaces expires_at created_at closed_at number",
	    COLUMNS(C("body", "memory", DATA_ROW), C("tags", "memory", DATA_ROW), P("author_id", "memory", DATA_UNTIED),
	        P("about_id", "memory", DATA_ROW), C("attribute", "memory", DATA_ROW), C("search", "memory", DATA_ROW)) },
	{ "context_sources", "ws item_id message_id", NULL },
	{ "dispatch", "ws thread_id pending due owner token lease_until look pool", NULL },
	{ "duties", "ws adapter name owner until", NULL },
	{ "embeddings", "ws message_id model dims audience_id thread_id created_at", COLUMNS(C("v", "memory", DATA_ROW)) },
	{ "erasure_words", "ws erasure_id seen", COLUMNS(C("word", "erasures", DATA_WORK)) },
	{ "erasures",
	    "ws id kind run_id message_id state step cursor since messages answers items threads created_at done_at purged_at asked counts noted_at"
	    " plan walked",
	    COLUMNS(P("subject", "erasures", DATA_WORK), P("names", "erasures", DATA_WORK), P("places", "erasures", DATA_WORK),
	        P("asked_by", "erasures", DATA_UNTIED)) },
	{ "feedback", "ws message_id value created_at",
	    COLUMNS(P("person_id", "opinions", DATA_ROW), C("reason", "opinions", DATA_ROW)) },
	{ "forks", "ws id parent_id n about_id quotes state adapter thread_id created_at opened_at closed_at",
	    COLUMNS(C("topic", "messages", DATA_EMPTY), P("created_by", "messages", DATA_UNTIED),
	        P("place_key", "addresses", DATA_EMPTY), P("parent_origin", "addresses", DATA_EMPTY),
	        P("origin", "addresses", DATA_EMPTY), P("closed_by", "messages", DATA_UNTIED),
	        C("search", "messages", DATA_EMPTY)) },
	{ "grant_states", "ws id until", NULL },
	{ "held_rows", "ws id of_table row_id thread_id place_id erasure_id at",
	    COLUMNS(C("content", "messages", DATA_ROW), P("persons", "identity", DATA_ROW)) },
	{ "holds", "ws id kind placed_at end_asked_at ended_at released_at",
	    COLUMNS(P("subjects", "identity", DATA_UNTIED), C("reason", "identity", DATA_EMPTY),
	        P("placed_by", "identity", DATA_UNTIED), P("end_asked_by", "identity", DATA_UNTIED),
	        P("ended_by", "identity", DATA_UNTIED)) },
	{ "identities", "ws adapter verified created_at",
	    COLUMNS(P("external_id", "identity", DATA_ROW), P("person_id", "identity", DATA_ROW)) },
	{ "inbox", "ws id kind adapter received_at", COLUMNS(P("source_key", "addresses", DATA_EMPTY)) },
	{ "inbox_rejected", "ws id kind adapter reason received_at", COLUMNS(P("source_key", "addresses", DATA_EMPTY)) },
	{ "installs", "adapter external_id ws name created_at removed_at granted org scopes removed_why changed_at erase_at",
	    NULL },
	{ "link_codes", "ws adapter created_at expires_at used_at",
	    COLUMNS(S("code_hash", DATA_ROW), P("person_id", "sessions", DATA_ROW), P("used_by", "sessions", DATA_ROW)) },
	{ "link_tries", "ws since tries", COLUMNS(P("person_id", "sessions", DATA_ROW)) },
	{ "login_codes", "ws created_at expires_at used_at via letter",
	    COLUMNS(S("code_hash", DATA_ROW), P("subject", "sessions", DATA_ROW), P("name", "sessions", DATA_ROW),
	        P("person_id", "sessions", DATA_ROW)) },
	{ "members", "ws node_id role created_at", COLUMNS(P("person_id", "identity", DATA_ROW)) },
	{ "messages", "ws id thread_id seq rev author_kind state run_id audience_id created_at",
	    COLUMNS(P("message_key", "messages", DATA_EMPTY), P("author_id", "messages", DATA_UNTIED),
	        C("body", "messages", DATA_EMPTY), C("files", "messages", DATA_EMPTY), C("search", "messages", DATA_EMPTY),
	        C("components", "messages", DATA_EMPTY), C("whole", "messages", DATA_EMPTY)) },
	{ "model_calls",
	    "ws id run_id provider model input_tokens output_tokens cost_micros first_ms total_ms result created_at prompt_at prompt_from"
	    " prompt_upto prompt_digest prompt_earlier",
	    NULL },
	{ "node_configs", "ws layer version node_id restored_from created_at",
	    COLUMNS(P("subject", "identity", DATA_ROW), P("person_id", "identity", DATA_ROW), P("doc", "identity", DATA_ROW),
	        P("diff", "identity", DATA_ROW), P("author_id", "identity", DATA_UNTIED),
	        P("approved_by", "identity", DATA_UNTIED)) },
	{ "nodes", "ws id parent_id kind slug name created_at archived_at", NULL },
	{ "offers", "ws id kind thread_id state until created_at closed_at",
	    COLUMNS(P("person_id", "work", DATA_UNTIED), P("subject", "work", DATA_UNTIED)) },
	{ "outbox",
	    "ws id run_id thread_id message_id adapter private_reply state attempts due error created_at sent_at turn passes",
	    COLUMNS(C("body", "messages", DATA_EMPTY), P("origin", "addresses", DATA_EMPTY),
	        P("external_ref", "addresses", DATA_EMPTY)) },
	{ "password_tries", "ws tries next_at", COLUMNS(S("key_hash", DATA_STAYS)) },
	{ "passwords", "ws set_at tries next_at", COLUMNS(P("person_id", "sessions", DATA_ROW), S("hash", DATA_ROW)) },
	{ "pending_changes", "ws id layer node_id keys state decided_at created_at",
	    COLUMNS(P("patch", "identity", DATA_UNTIED), P("author_id", "identity", DATA_UNTIED),
	        P("decided_by", "identity", DATA_UNTIED), C("reason", "identity", DATA_EMPTY)) },
	{ "people", "ws guest bot created_at private kind",
	    COLUMNS(P("id", "identity", DATA_STAYS), P("name", "identity", DATA_EMPTY), P("tz", "identity", DATA_EMPTY),
	        P("user_id", "identity", DATA_UNTIED)) },
	{ "place_people", "ws place_id since", COLUMNS(P("external_id", "identity", DATA_ROW)) },
	{ "places", "ws id adapter visibility member quiet greeted_at audience_id created_at sum_up team_id allowed_at",
	    COLUMNS(P("external_id", "addresses", DATA_EMPTY), P("name", "addresses", DATA_EMPTY)) },
	{ "provision_steps", "ws provision_id n verb state undo done_at",
	    COLUMNS(P("what", "identity", DATA_EMPTY), P("args", "identity", DATA_EMPTY)) },
	{ "provisions", "ws id kind state slug node_id parent_id digest by_key why created_at ended_at",
	    COLUMNS(S("key_hash", DATA_STAYS), P("by_person", "identity", DATA_UNTIED)) },
	{ "reactions", "ws message_id created_at", COLUMNS(P("person_id", "messages", DATA_ROW), C("name", "messages", DATA_ROW)) },
	{ "reader_changes", "ws id at kind level flag adapter",
	    COLUMNS(P("subject", "identity", DATA_ROW), P("person_id", "identity", DATA_ROW)) },
	{ "relays",
	    "ws id thread_id from_seq adapter place_key thread_key peer_thread_id peer_origin state created_at opened_at closed_at",
	    COLUMNS(P("page_origin", "addresses", DATA_EMPTY), P("asked_by", "addresses", DATA_UNTIED),
	        P("closed_by", "addresses", DATA_UNTIED)) },
	{ "resolutions", "ws id fork_id state sources by_model edited message_id created_at closed_at",
	    COLUMNS(C("headline", "memory", DATA_EMPTY), C("body", "memory", DATA_EMPTY), P("closed_by", "memory", DATA_UNTIED),
	        C("search", "memory", DATA_EMPTY)) },
	{ "routes", "ws kind value node_id created_at", NULL },
	{ "run_steps", "ws run_id n kind created_at", COLUMNS(C("body", "work", DATA_ROW)) },
	{ "runs",
	    "ws id thread_id message_id message_seq agent_id kind command state attempt token adapter private_reply stop_asked answered_by"
	    " stream_state error created_at finished_at due about_id builtin given reads config_id untrusted",
	    COLUMNS(P("person_id", "work", DATA_UNTIED), P("origin", "addresses", DATA_EMPTY),
	        P("stream_ref", "addresses", DATA_EMPTY)) },
	{ "schema_migrations", "version name digest applied_at", NULL },
	{ "secrets", "ws kind name key_id nonce created_at changed_at", COLUMNS(S("sealed", DATA_STAYS)) },
	{ "sessions", "ws id rotated_at created_at expires_at ended_at via",
	    COLUMNS(P("subject", "sessions", DATA_ROW), P("name", "sessions", DATA_ROW), S("refresh_hash", DATA_ROW),
	        S("former_hash", DATA_ROW), P("agent", "sessions", DATA_ROW), P("network", "sessions", DATA_ROW)) },
	{ "stops", "ws adapter reason created_at",
	    COLUMNS(P("external_id", "identity", DATA_ROW), P("detail", "identity", DATA_ROW)) },
	{ "summaries", "ws thread_id upto_seq by_model created_at", COLUMNS(C("body", "memory", DATA_ROW)) },
	{ "threads",
	    "ws id place_id seq taking_part quiet last_author prev_author several audience_id created_at last_at relay state fork_id human_seq",
	    COLUMNS(P("external_key", "addresses", DATA_EMPTY), C("title", "messages", DATA_EMPTY),
	        P("only_person", "messages", DATA_UNTIED)) },
	{ "workspaces", "ws name created_at readers_since", NULL },
	{ NULL, NULL, NULL },
};

const char *data_class_name(enum data_class c)
{
	static const char *const names[] = { [DATA_PERSONAL] = "personal", [DATA_CONTENT] = "content", [DATA_SECRET] = "secret" };
	return names[c];
}

const char *data_way_words(enum data_way w)
{
	static const char *const words[] = { [DATA_ROW] = "the row goes",
		[DATA_EMPTY] = "emptied, the row stays",
		[DATA_UNTIED] = "names nobody any more",
		[DATA_STAYS] = "stays; nothing says whose it was",
		[DATA_NEVER] = "never stored",
		[DATA_WORK] = "gone when the erasure is done" };
	return words[w];
}

static void put_table(const struct data_table *t, struct buf *out)
{
	for (const struct data_column *c = t->columns; c != NULL && c->name != NULL; c++)
		buf_addf(out, "| %s | %s | %s | %s | %s |\n", t->name, c->name, data_class_name(c->class), c->kind,
		    data_way_words(c->way));
}

void data_kinds_page(struct buf *out)
{
	buf_add_str(out,
	    "# Kinds of data\n\n"
	    "Made by `eddy data-kinds` from the list in `core/store/kinds.c`; do not edit by hand. Every column of every table is in that list; a "
	    "test compares it with the database, plants a mark in each personal column and in each that holds content, erases the person and "
	    "looks for the marks.\n\n## Kinds\n\n| kind | what it is | kept |\n|---|---|---|\n");
	for (const struct data_kind *k = data_kinds; k->name != NULL; k++)
		buf_addf(out, "| %s | %s | %s |\n", k->name, k->what, k->kept);
	buf_add_str(out,
	    "\n## Columns that hold something of a person, or open something\n\n"
	    "| table | column | class | kind | when the person is erased |\n|---|---|---|---|---|\n");
	for (const struct data_table *t = data_tables; t->name != NULL; t++)
		put_table(t, out);
	buf_add_str(out,
	    "\n## Operational columns\n\nIds, states, numbers, moments, settings of the operator: they say nothing of a person by themselves and "
	    "stay.\n\n| table | columns |\n|---|---|\n");
	for (const struct data_table *t = data_tables; t->name != NULL; t++)
		buf_addf(out, "| %s | %s |\n", t->name, t->operational);
}
