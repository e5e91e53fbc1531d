/* From a frame to the engine and back to its acknowledgement: nothing is acknowledged that is not durable, and nothing is lost on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../../adapters/slack/buttons.h"
#include "../../../adapters/slack/home.h"
#include "../../../adapters/slack/inlet.h"
#include "../../../adapters/slack/names.h"
#include "../../../adapters/slack/slack_internal.h"
#include "../../../adapters/slack/socket.h"
#include "../../../core/engine/engine.h"
#include "../../../core/settings/settings.h"
#include "neighbours.h"

#define TICKETS 80
#define ACCEPTS 80

struct sock_ticket {
	void *owner;
	char settled; /* '+' acknowledged, '-' left to Slack, 0: open */
	char *payload;
};
static struct sock_ticket tickets[TICKETS];
static size_t tickets_len;
static char us[] = "UEDDY", our_bot[] = "BEDDY", our_name[] = "eddy", team[] = "T1", api_https[] = "https://slack.com/api/",
            api_local[] = "http://127.0.0.1:4040/api/";
static struct slack_self self;
static struct slack s;
static struct slack_inlet *in;
static struct wire wire;
static char noted[1000]; /* what the neighbours were told, a line each */

/* ---- the engine ---- */
static struct {
	struct id ws;
	enum intent_kind kind;
	bool no_answer;
	char text[100], files[200], about[40], thread[40];
	engine_accepted_fn done;
	void *arg;
} accepts[ACCEPTS];
static size_t accepts_len;
static bool core_full, tenant_known, install_fails;

bool engine_accept(struct engine *e, const struct intent *i, engine_accepted_fn done, void *arg)
{
	(void)e;
	if (core_full)
		return false;
	assert_true(accepts_len < ACCEPTS);
	snprintf(accepts[accepts_len].text, sizeof(accepts[0].text), "%s", i->text ? i->text : "");
	char *files = accepts[accepts_len].files;
	files[0] = '\0';
	for (size_t k = 0; k < i->files_len; k++) {
		size_t at = strlen(files);
		snprintf(files + at, sizeof(accepts[0].files) - at, "%s=%s ", i->files[k].external_id,
		    i->files[k].text ? i->files[k].text : "-");
	}
	accepts[accepts_len].kind = i->kind;
	accepts[accepts_len].no_answer = i->no_answer;
	snprintf(accepts[accepts_len].about, sizeof(accepts[0].about), "%s", i->about_key ? i->about_key : "");
	snprintf(accepts[accepts_len].thread, sizeof(accepts[0].thread), "%s", i->thread_key ? i->thread_key : "");
	accepts[accepts_len].ws = i->ws;
	accepts[accepts_len].done = done;
	accepts[accepts_len++].arg = arg;
	return true;
}
static void commit(enum err result)
{
	assert_true(accepts_len > 0);
	for (size_t i = 0; i < accepts_len; i++)
		accepts[i].done(accepts[i].arg, &(struct accepted){ .result = result });
	accepts_len = 0;
	near_run();
}
bool engine_submit(struct engine *e, void (*fn)(void *arg), void *arg)
{
	(void)e;
	return near_put(&near_workers, fn, arg);
}
static bool said_known;
struct id engine_place_id(struct id ws, const char *adapter, const char *place_key)
{
	(void)ws;
	assert_string_equal(adapter, "slack");
	assert_string_equal(place_key, "COURS");
	return (struct id){ { 7 } };
}
struct id engine_thread_id(struct id place, const char *thread_key)
{
	assert_int_equal(place.b[0], 7);
	assert_string_equal(thread_key, "1760000000.000100");
	return (struct id){ { 8 } };
}
enum err engine_find_said(struct engine *e, struct id ws, struct id thread, const char *part, struct said_message *out)
{
	(void)e;
	assert_int_equal(ws.b[0], 1);
	assert_int_equal(thread.b[0], 8);
	assert_string_equal(part, "1760000000.000300");
	out->id = (struct id){ { 9 } };
	out->text = xstrdup("ours");
	return said_known ? ERR_NONE : (free(out->text), out->text = NULL, ERR_INPUT);
}
enum err engine_install(struct engine *e, const char *adapter, const char *external_id, const char *name, bool home, struct id *ws)
{
	(void)e;
	(void)adapter;
	(void)name;
	assert_false(home);
	assert_string_equal(external_id, "T2");
	if (install_fails)
		return ERR_RETRY;
	tenant_known = true;
	*ws = (struct id){ { 2 } };
	return ERR_NONE;
}
bool engine_workspace(struct engine *e, const char *adapter, const char *external_id, struct id *ws)
{
	(void)e;
	(void)adapter;
	if (!tenant_known || strcmp(external_id, "T2") != 0)
		return false;
	*ws = (struct id){ { 2 } };
	return true;
}
size_t settings_list(const struct settings *st, const char *name, const char *const **items)
{
	(void)st;
	(void)name;
	*items = NULL;
	return 0;
}

/* ---- the other parts of the adapter ---- */
static void note(const char *what, const char *a, const char *b)
{
	size_t at = strlen(noted);
	snprintf(noted + at, sizeof(noted) - at, "%s %s %s\n", what, a, b ? b : "-");
}
const struct known_person *names_person(struct slack_names *n, const char *id)
{
	(void)n;
	(void)id;
	return NULL;
}
static struct known_place ours = { .visibility = VIS_PUBLIC, .member = true };
const struct known_place *names_place(struct slack_names *n, const char *id)
{
	(void)n;
	return strcmp(id, "COURS") == 0 ? &ours : NULL;
}
void names_forget_person(struct slack_names *n, const char *id)
{
	(void)n;
	note("forget", id, NULL);
}
void names_forget_place(struct slack_names *n, const char *id)
{
	(void)n;
	note("forget", id, NULL);
}
void buttons_pressed(struct slack_buttons *b, struct id ws, const char *channel, const char *thread_key, const char *ts)
{
	(void)b;
	(void)ws;
	(void)channel;
	note("pressed", thread_key, ts);
}
void home_publish(struct slack *of, const char *user)
{
	(void)of;
	note("home", user, NULL);
}
void home_suggest(struct slack *of, const char *channel, const char *thread_ts)
{
	(void)of;
	note("suggest", channel, thread_ts);
}
void slack_set_app(struct slack *of, const char *app_id)
{
	(void)of;
	note("app", app_id, NULL);
}
void sock_settle(struct sock_ticket *t, bool ack)
{
	assert_int_equal(t->settled, 0); /* exactly once */
	t->settled = ack ? '+' : '-';
}
void sock_settle_with(struct sock_ticket *t, const char *payload)
{
	t->payload = xstrdup(payload);
	sock_settle(t, true);
}
const char *sock_ticket_envelope(const struct sock_ticket *t)
{
	(void)t;
	return "e1";
}
void sock_ticket_own(struct sock_ticket *t, void *owner)
{
	t->owner = owner;
}
void *sock_ticket_owner(const struct sock_ticket *t)
{
	return t->owner;
}

static void on_gap(void *arg, uint64_t since_ms)
{
	char text[32];
	assert_ptr_equal(arg, &s);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)since_ms);
	note("gap", text, NULL);
}

/* ---- the fixture ---- */
static int begin(void **state)
{
	(void)state;
	self = (struct slack_self){ .user_id = us, .bot_id = our_bot, .user_name = our_name, .team_id = team, .ws = { { 1 } } };
	s = (struct slack){ .api_url = api_https, .bot_token = "xoxb-secret", .gap_ms = 180000 };
	atomic_store(&s.self, &self);
	atomic_store(&s.app_id, "A1");
	in = inlet_new(&s);
	inlet_begin(in);
	inlet_on_gap(in, on_gap, &s);
	memset(tickets, 0, sizeof(tickets));
	tickets_len = accepts_len = 0;
	core_full = tenant_known = install_fails = false;
	noted[0] = '\0';
	return 0;
}

static int end(void **state)
{
	(void)state;
	near_end();
	inlet_free(in);
	wire_done(&wire);
	wire = (struct wire){ 0 };
	for (size_t i = 0; i < tickets_len; i++) {
		assert_int_not_equal(tickets[i].settled, 0);
		free(tickets[i].payload);
	}
	return 0;
}

static struct sock_ticket *frame(const char *json)
{
	struct slack_event ev;
	struct sock_ticket *t = &tickets[tickets_len++];
	char *copy = xstrdup(json);
	assert_true(tickets_len < TICKETS);
	wire_decode(&wire, copy, strlen(copy), &ev);
	inlet_event(in, t, json, strlen(json), &ev);
	memset(copy, 'x', strlen(json)); /* nothing may borrow from it any longer */
	free(copy);
	return t;
}

static struct sock_ticket *event_for(const char *of_team, const char *install, const char *event)
{
	char json[4000];
	snprintf(json, sizeof(json),
	    "{\"envelope_id\":\"e1\",\"type\":\"events_api\",\"payload\":{\"team_id\":\"%s\",\"api_app_id\":\"A1\",\"event_id\":\"Ev1\","
	    "\"event\":%s,\"authorizations\":[{\"team_id\":\"%s\",\"user_id\":\"UEDDY\",\"is_bot\":true}]}}",
	    of_team, event, install);
	return frame(json);
}

static struct sock_ticket *event_of(const char *of_team, const char *event)
{
	return event_for(of_team, of_team, event);
}

#define MESSAGE(more) \
	"{\"type\":\"message\",\"user\":\"U1\",\"channel\":\"C1\",\"channel_type\":\"channel\",\"ts\":\"1760000000.000100\",\"text\":\"hello\"" more \
	"}"

static void event__is_acknowledged__once_it_is_durable(void **state)
{
	(void)state;
	struct sock_ticket *t = event_of("T1", MESSAGE(""));
	assert_int_equal(accepts_len, 1);
	assert_string_equal(accepts[0].text, "hello");
	assert_int_equal(accepts[0].ws.b[0], 1);
	assert_int_equal(t->settled, 0); /* not before COMMIT */
	commit(ERR_NONE);
	assert_int_equal(t->settled, '+');
	t = event_of("T1", MESSAGE(""));
	commit(ERR_INPUT); /* kept aside: sending it again would not help */
	assert_int_equal(t->settled, '+');
}

static void event__is_left_to_slack__when_it_could_not_be_kept(void **state)
{
	(void)state;
	struct sock_ticket *t = event_of("T1", MESSAGE(""));
	commit(ERR_RETRY);
	assert_int_equal(t->settled, '-');
	core_full = true;
	t = event_of("T1", MESSAGE(""));
	assert_int_equal(t->settled, '-');
}

static void frame__of_no_use__is_acknowledged_and_forgotten(void **state)
{
	(void)state;
	static const char *const useless[] = {
		"{\"envelope_id\":\"e1\",\"type\":\"a_new_kind\",\"payload\":{}}",
		"{\"envelope_id\":\"e1\",\"type\":\"events_api\"}",
		"{\"envelope_id\":\"e1\",\"type\":\"events_api\",\"payload\":{\"event\":[]}}",
		"{\"envelope_id\":\"e1\",\"type\":\"events_api\",\"payload\":{\"event\":{\"type\":\"never_heard_of\"}}}",
		"{\"envelope_id\":\"e1\",\"type\":\"interactive\",\"payload\":{\"type\":\"view_closed\"}}",
		"{\"envelope_id\":\"e1\",\"type\":\"slash_commands\",\"payload\":7}",
		"nonsense",
		"",
	};
	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++)
		assert_int_equal(frame(useless[i])->settled, '+');
	/* Our own echo. */
	assert_int_equal(event_of("T1", MESSAGE(",\"bot_id\":\"BEDDY\""))->settled, '+');
	assert_int_equal(accepts_len, 0);
}

static void event__of_a_new_workspace__waits_for_its_tenant(void **state)
{
	(void)state;
	self.org_install = true;
	struct sock_ticket *t = event_of("T2", MESSAGE(""));
	assert_int_equal(accepts_len, 0);
	near_run();
	assert_int_equal(accepts_len, 1);
	assert_int_equal(accepts[0].ws.b[0], 2);
	assert_string_equal(accepts[0].text, "hello");
	commit(ERR_NONE);
	assert_int_equal(t->settled, '+');
	event_of("T2", MESSAGE("")); /* known from now on */
	assert_int_equal(accepts_len, 1);
	assert_int_equal(accepts[0].ws.b[0], 2);
	event_of("T1", MESSAGE(""));
	assert_int_equal(accepts[1].ws.b[0], 1);
	commit(ERR_NONE);
}

static void event__of_a_new_workspace__is_left_to_slack_when_it_has_no_tenant(void **state)
{
	(void)state;
	self.org_install = install_fails = true;
	struct sock_ticket *t = event_of("T2", MESSAGE(""));
	near_run();
	assert_int_equal(t->settled, '-'); /* and does not wait for ever */
	near_workers.full = true;
	assert_int_equal(event_of("T2", MESSAGE(""))->settled, '-');
	near_workers.full = false;
	t = event_of("T2", MESSAGE(""));
	near_loop.full = true; /* the loop ends meanwhile */
	near_run();
	near_loop.full = false;
	assert_int_equal(t->settled, '-');
	assert_int_equal(accepts_len, 0);
}

static void event__in_a_channel_of_another_company__is_ours_by_its_installation(void **state)
{
	(void)state;
	event_for("T2", "T1", MESSAGE(""));
	assert_int_equal(accepts_len, 1);
	assert_int_equal(accepts[0].ws.b[0], 1);
	commit(ERR_NONE);
}

static void event__for_the_installation_of_others__is_acknowledged_and_nothing_kept(void **state)
{
	(void)state;
	assert_int_equal(event_for("T1", "T2", MESSAGE(""))->settled, '+');
	assert_int_equal(event_for("T2", "T2", MESSAGE(""))->settled, '+');
	assert_int_equal(accepts_len, 0);
}

#define FILE_AT(id, url) \
	"{\"id\":\"" id \
	"\",\"name\":\"a.txt\",\"mode\":\"hosted\",\"mimetype\":\"text/plain\",\"filetype\":\"text\",\"size\":9,\"url_private\":\"" url \
	"\"}"
#define WITH_FILES(list) MESSAGE(",\"subtype\":\"file_share\",\"files\":[" list "]")

static void text_file__is_fetched__before_its_message_is_accepted(void **state)
{
	(void)state;
	struct sock_ticket *t =
	    event_of("T1", WITH_FILES(FILE_AT("F1", "https://files.slack.com/f1") "," FILE_AT("F2", "https://slack-files.com/f2")));
	assert_int_equal(accepts_len, 0);
	assert_int_equal(near_calls_len, 2);
	assert_string_equal(near_waits(), "https://files.slack.com/f1");
	assert_string_equal(near_calls[0].head, "Authorization: Bearer xoxb-secret\n");
	near_http((struct http_result){ .status = 200, .body = "one", .content_type = "text/plain" });
	assert_int_equal(accepts_len, 0);
	near_http((struct http_result){ .status = 200, .body = "two", .content_type = "text/plain" });
	assert_int_equal(accepts_len, 1);
	assert_string_equal(accepts[0].text, "hello");
	assert_string_equal(accepts[0].files, "F1=one F2=two ");
	commit(ERR_NONE);
	assert_int_equal(t->settled, '+');
}

static void text_file__that_cannot_be_had__comes_by_reference(void **state)
{
	(void)state;
	static const struct http_result bad[] = {
		{ .status = 200, .body = "<html>", .content_type = "text/html; charset=utf-8" }, /* a log-in page */
		{ .status = 404, .body = "no", .content_type = "text/plain" },
		{ .status = 200, .body = "\xff\xfe", .content_type = "text/plain" },
		{ .status = 200, .body = "", .content_type = "text/plain" },
		{ .fail = HTTP_TOO_LARGE, .status = 200, .body = "part" },
		{ .fail = HTTP_TIMEOUT },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		event_of("T1", WITH_FILES(FILE_AT("F1", "https://files.slack.com/f1")));
		near_http(bad[i]);
		assert_int_equal(accepts_len, 1);
		assert_string_equal(accepts[0].files, "F1=- ");
		commit(ERR_NONE);
	}
	near_refuses = true; /* the http thread is full */
	event_of("T1", WITH_FILES(FILE_AT("F1", "https://files.slack.com/f1")));
	near_run();
	assert_string_equal(accepts[0].files, "F1=- ");
	commit(ERR_NONE);
}

static void token__goes__nowhere_but_to_slacks_file_hosts(void **state)
{
	(void)state;
#define ELSEWHERE(url) event_of("T1", WITH_FILES(FILE_AT("F1", url)))
	ELSEWHERE("https://evil.test/f1");
	ELSEWHERE("https://files.slack.com.evil.test/f1");
	ELSEWHERE("https://files.slack.com@evil.test/f1");
	ELSEWHERE("http://files.slack.com/f1");
	ELSEWHERE("http://127.0.0.1:4040/f1"); /* only where the API is there too */
	ELSEWHERE("file:///etc/passwd");
	assert_int_equal(near_calls_len, 0);
	assert_int_equal(accepts_len, 6);
	s.api_url = api_local;
	ELSEWHERE("http://127.0.0.1:40401/f1");
	ELSEWHERE("http://127.0.0.1:4040@evil.test/f1");
	assert_int_equal(near_calls_len, 0);
	ELSEWHERE("http://127.0.0.1:4040/f1");
	assert_int_equal(near_calls_len, 1);
	near_http((struct http_result){ .status = 200, .body = "one", .content_type = "text/plain" });
	assert_string_equal(accepts[8].files, "F1=one ");
	commit(ERR_NONE);
}

static void files__are_bounded(void **state)
{
	(void)state;
#define F(id) FILE_AT(id, "https://files.slack.com/" id)
	event_of("T1", WITH_FILES(F("F1") "," F("F2") "," F("F3") "," F("F4")));
	assert_int_equal(near_calls_len, 3);
	for (int i = 0; i < 3; i++)
		near_http((struct http_result){ .status = 200, .body = "x", .content_type = "text/plain" });
	assert_string_equal(accepts[0].files, "F1=x F2=x F3=x F4=- ");
	commit(ERR_NONE);
	for (int i = 0; i < 64; i++)
		event_of("T1", WITH_FILES(F("F1")));
	assert_int_equal(near_calls_len, 64);
	assert_int_equal(accepts_len, 0);
	event_of("T1", WITH_FILES(F("F1"))); /* not one more waits: it goes as it is */
	assert_int_equal(near_calls_len, 64);
	assert_int_equal(accepts_len, 1);
	while (near_calls_len)
		near_http((struct http_result){ .fail = HTTP_TIMEOUT });
	assert_int_equal(accepts_len, 65);
	commit(ERR_NONE);
}

static void held__at_the_end_of_the_loop__is_left_to_slack(void **state)
{
	(void)state;
	struct sock_ticket *t = event_of("T1", WITH_FILES(F("F1")));
	near_loop.full = true;
	near_http((struct http_result){ .fail = HTTP_CANCELLED });
	near_loop.full = false;
	assert_int_equal(t->settled, '-');
}

static void gap__is_told__when_the_database_was_away_for_long(void **state)
{
	(void)state;
	char expected[64];
	snprintf(expected, sizeof(expected), "gap %llu -\n", (unsigned long long)clock_wall_ms());
	event_of("T1", MESSAGE(""));
	commit(ERR_RETRY);
	near_pass(100000);
	event_of("T1", MESSAGE(""));
	commit(ERR_RETRY); /* it counts from the first */
	near_pass(80000);
	event_of("T1", MESSAGE(""));
	assert_string_equal(noted, "");
	commit(ERR_NONE);
	assert_string_equal(noted, expected);
	event_of("T1", MESSAGE(""));
	commit(ERR_NONE); /* once */
	assert_string_equal(noted, expected);
}

static void gap__that_slack_bridges__is_not_told(void **state)
{
	(void)state;
	core_full = true;
	event_of("T1", MESSAGE(""));
	core_full = false;
	near_pass(179999);
	event_of("T1", MESSAGE(""));
	commit(ERR_NONE);
	near_pass(1000000);
	event_of("T1", MESSAGE(""));
	commit(ERR_INPUT);
	assert_string_equal(noted, "");
}

static void events__that_say_something_aside__reach_whom_they_concern(void **state)
{
	(void)state;
	static const char *const events[] = {
		"{\"type\":\"app_home_opened\",\"user\":\"U1\",\"channel\":\"D1\",\"tab\":\"home\"}",
		"{\"type\":\"app_home_opened\",\"user\":\"U1\",\"channel\":\"D1\",\"tab\":\"messages\"}",
		"{\"type\":\"app_home_opened\",\"user\":\"U1\",\"channel\":\"D1\"}",
		"{\"type\":\"user_change\",\"user\":{\"id\":\"U1\",\"name\":\"x\"}}",
		"{\"type\":\"channel_rename\",\"channel\":{\"id\":\"C1\",\"name\":\"x\"},\"event_ts\":\"1.2\"}",
		"{\"type\":\"channel_shared\",\"channel\":\"C2\",\"event_ts\":\"1.2\"}",
		"{\"type\":\"member_joined_channel\",\"user\":\"U1\",\"channel\":\"C3\",\"event_ts\":\"1.2\"}",
		"{\"type\":\"member_joined_channel\",\"user\":\"UEDDY\",\"channel\":\"C4\",\"event_ts\":\"1.2\"}",
		"{\"type\":\"user_change\"}",
		"{\"type\":\"channel_rename\"}",
	};
	atomic_store(&s.app_id, NULL);
	event_of("T1", events[0]);
	atomic_store(&s.app_id, "A1");
	for (size_t i = 1; i < sizeof(events) / sizeof(events[0]); i++)
		event_of("T1", events[i]);
	assert_string_equal(noted, "app A1 -\nhome U1 -\nsuggest D1 -\nforget U1 -\nforget C1 -\nforget C2 -\nforget C4 -\n");
	if (accepts_len > 0)
		commit(ERR_NONE);
}

static void late_message__is_handed_in__as_far_as_there_is_room(void **state)
{
	(void)state;
	struct slack_event ev;
	char json[] = "{\"type\":\"message\",\"user\":\"U1\",\"ts\":\"1760000000.000100\",\"text\":\"from before\"}",
	     own[] =
	         "{\"type\":\"message\",\"user\":\"UEDDY\",\"bot_id\":\"BEDDY\",\"ts\":\"1760000000.000200\",\"text\":\"mine\"}";
	assert_true(wire_decode_history(&wire, json, strlen(json), "T1", "D1", "im", &ev));
	core_full = true;
	assert_false(inlet_late(in, &ev));
	core_full = false;
	assert_true(inlet_late(in, &ev));
	assert_string_equal(accepts[0].text, "from before");
	commit(ERR_NONE);
	assert_true(wire_decode_history(&wire, own, strlen(own), "T1", "D1", "im", &ev));
	assert_true(inlet_late(in, &ev));
	assert_int_equal(accepts_len, 0);
}

/* ---- shortcuts and forms ---- */

static struct sock_ticket *pressed(const char *payload)
{
	char json[5000];
	snprintf(json, sizeof(json),
	    "{\"envelope_id\":\"e1\",\"type\":\"interactive\",\"payload\":{\"team\":{\"id\":\"T1\"},\"user\":{\"id\":\"U1\"},"
	    "\"api_app_id\":\"A1\",\"trigger_id\":\"1.2.t\",%s}}",
	    payload);
	return frame(json);
}

#define SHORTCUT(id, channel, user) \
	"\"type\":\"message_action\",\"callback_id\":\"" id \
	"\",\"response_url\":\"https://hooks.slack.com/r\",\"channel\":{\"id\":\"" channel "\"},\"message\":{\"user\":\"" user \
	"\",\"ts\":\"1760000000.000300\",\"thread_ts\":\"1760000000.000100\",\"text\":\"Which *database*?\\nmore\"}"

static void fork_shortcut__keeps_the_message__and_asks_for_the_topic(void **state)
{
	(void)state;
	struct sock_ticket *t = pressed(SHORTCUT("eddy_fork", "COURS", "U2"));
	assert_int_equal(accepts_len, 1);
	assert_int_equal(accepts[0].kind, INTENT_MESSAGE_POSTED);
	assert_true(accepts[0].no_answer);
	assert_string_equal(accepts[0].thread, "1760000000.000100");
	assert_non_null(strstr(near_waits(), "views.open {\"trigger_id\":\"1.2.t\""));
	assert_non_null(strstr(near_waits(), "\"COURS 1760000000.000100 1760000000.000300\""));
	assert_non_null(strstr(near_waits(), "\"initial_value\":\"Which database?\""));
	assert_int_equal(t->settled, 0); /* the form is on its way; the message is not stored yet */
	commit(ERR_NONE);
	assert_int_equal(t->settled, '+');
	near_answer("{\"ok\":true}");
	/* Our own words are kept already, under a name of the core's. */
	t = pressed(SHORTCUT("eddy_fork", "COURS", "UEDDY"));
	assert_int_equal(t->settled, 0);
	said_known = true;
	near_run();
	assert_int_equal(accepts_len, 0);
	assert_int_equal(t->settled, '+');
	assert_non_null(strstr(near_waits(), "1760000000.000300 09000000-0000-0000-0000-000000000000\""));
	near_answer("{\"ok\":true}");
	said_known = false;
	t = pressed(SHORTCUT("eddy_fork", "COURS", "UEDDY"));
	near_run();
	assert_int_equal(t->settled, '+');
	near_fail(SLACK_REFUSED, "expired_trigger_id");
	assert_non_null(strstr(near_waits(), "response_url {\"response_type\":\"ephemeral\""));
	assert_non_null(strstr(near_waits(), "did not open"));
	near_fail(SLACK_REFUSED, "used_url");
}

static void fork_shortcut__where_eddy_is_not__says_so(void **state)
{
	(void)state;
	struct sock_ticket *t = pressed(SHORTCUT("eddy_fork", "C9", "U2"));
	assert_string_equal(near_waits(), "conversations.info channel=C9&");
	assert_int_equal(t->settled, 0);
	near_answer("{\"ok\":true,\"channel\":{\"id\":\"C9\",\"is_member\":false}}");
	assert_int_equal(t->settled, '+');
	assert_int_equal(accepts_len, 0); /* not a word is kept */
	assert_non_null(strstr(near_waits(), "I am not in this conversation"));
	near_answer("{\"ok\":true}");
	t = pressed(SHORTCUT("eddy_pin", "C9", "U2"));
	near_fail(SLACK_REFUSED, "channel_not_found");
	assert_int_equal(t->settled, '+');
	assert_int_equal(accepts_len, 0);
	near_answer("{\"ok\":true}");
	/* It is, or Slack does not say. */
	t = pressed(SHORTCUT("eddy_fork", "C9", "U2"));
	near_answer("{\"ok\":true,\"channel\":{\"id\":\"C9\",\"is_member\":true}}");
	assert_int_equal(accepts_len, 1);
	commit(ERR_NONE);
	assert_int_equal(t->settled, '+');
	near_answer("{\"ok\":true}");
	t = pressed(SHORTCUT("eddy_fork", "C9", "U2"));
	near_fail(SLACK_NOT_SENT, "limited");
	assert_int_equal(accepts_len, 1);
	commit(ERR_NONE);
	assert_int_equal(t->settled, '+');
	near_answer("{\"ok\":true}");
}

static void pin_shortcut__keeps_the_message__then_pins_it(void **state)
{
	(void)state;
	struct sock_ticket *t = pressed(SHORTCUT("eddy_pin", "COURS", "U2"));
	assert_int_equal(accepts_len, 2);
	assert_int_equal(accepts[0].kind, INTENT_MESSAGE_POSTED);
	assert_int_equal(accepts[1].kind, INTENT_COMMAND_GIVEN);
	assert_string_equal(accepts[1].text, "pin that");
	assert_string_equal(accepts[1].about, "1760000000.000300");
	assert_int_equal(t->settled, 0);
	accepts[0].done(accepts[0].arg, &(struct accepted){ .result = ERR_NONE });
	assert_int_equal(t->settled, 0);
	accepts[0] = accepts[1];
	accepts_len = 1;
	commit(ERR_NONE);
	assert_int_equal(t->settled, '+');
	core_full = true;
	assert_int_equal(pressed(SHORTCUT("eddy_pin", "COURS", "U2"))->settled, '-');
	assert_int_equal(pressed(SHORTCUT("eddy_fork", "COURS", "U2"))->settled, '-');
}

#define FORM(id, words) \
	"\"type\":\"view_submission\",\"view\":{\"id\":\"V1\",\"callback_id\":\"" id \
	"\",\"private_metadata\":\"COURS 1760000000.000100 1760000000.000300\",\"state\":{\"values\":{\"words\":{\"words\":{\"type\":" \
	"\"plain_text_input\",\"value\":" words "}}}}}"

static void form__that_is_sent_off__is_a_command_in_the_thread(void **state)
{
	(void)state;
	struct sock_ticket *t = pressed(FORM("eddy_fork", "\"which database\""));
	assert_int_equal(accepts[0].kind, INTENT_COMMAND_GIVEN);
	assert_string_equal(accepts[0].text, "fork: which database");
	assert_string_equal(accepts[0].about, "1760000000.000300");
	assert_string_equal(accepts[0].thread, "1760000000.000100");
	commit(ERR_RETRY);
	assert_int_equal(t->settled, '-'); /* Slack says so in the form */
	t = pressed(FORM("eddy_edit", "\"**Head** <b> &amp; *x*\\n\\n- a [1]\""));
	assert_string_equal(accepts[0].text, "edit:\n**Head** <b> &amp; *x*\n\n- a [1]");
	assert_string_equal(accepts[0].about, "");
	commit(ERR_NONE);
	assert_int_equal(t->settled, '+');
	assert_null(t->payload);
}

static void form__that_cannot_be_taken__says_why(void **state)
{
	(void)state;
	char long_form[3900], words[3200];
	memset(words, 'x', 3001);
	words[3001] = '\0';
	snprintf(long_form, sizeof(long_form), FORM("eddy_edit", "\"%s\""), words);
	struct sock_ticket *t = pressed(FORM("eddy_fork", "\" \\n \""));
	assert_non_null(strstr(t->payload, "\"errors\":{\"words\":\"Please say"));
	t = pressed(FORM("eddy_edit", "null"));
	assert_non_null(strstr(t->payload, "Nothing is left of it"));
	t = pressed(long_form);
	assert_non_null(strstr(t->payload, "longer than 3,000"));
	/* What the core would refuse is refused here, where the words still stand. */
	words[130] = '\0';
	snprintf(long_form, sizeof(long_form), FORM("eddy_edit", "\"%s\""), words);
	t = pressed(long_form);
	assert_non_null(strstr(t->payload, "\"errors\":{\"words\":\""));
	assert_non_null(strstr(t->payload, "120"));
	words[130] = 'x';
	words[201] = '\0';
	snprintf(long_form, sizeof(long_form), FORM("eddy_fork", "\"%s\""), words);
	t = pressed(long_form);
	assert_non_null(strstr(t->payload, "longer than 200"));
	for (size_t i = 0; i < tickets_len; i++) {
		json_t *o = json_loads(tickets[i].payload, 0, NULL);
		assert_non_null(o);
		assert_true(strlen(tickets[i].payload) <= SOCK_PAYLOAD_MAX);
		json_decref(o);
	}
	assert_int_equal(accepts_len, 0);
}

#define EDIT(value, blocks) \
	"\"type\":\"block_actions\",\"response_url\":\"https://hooks.slack.com/r\",\"channel\":{\"id\":\"COURS\"},\"container\":{\"message_ts\":" \
	"\"1760000000.000400\",\"thread_ts\":\"1760000000.000100\"},\"message\":{\"ts\":\"1760000000.000400\",\"thread_ts\":\"1760000000.000100\"," \
	"\"blocks\":" blocks "},\"actions\":[{\"action_id\":\"fork.edit#2\",\"action_ts\":\"1.5\",\"value\":\"" value "\"}]"

static void edit_button__opens__the_draft(void **state)
{
	(void)state;
	struct sock_ticket *t = pressed(EDIT("**Head**\\n\\n- a [1]", "[]"));
	assert_int_equal(t->settled, '+');
	assert_int_equal(accepts_len, 0);
	assert_non_null(strstr(near_waits(), "\"initial_value\":\"**Head**\\n\\n- a [1]\""));
	assert_non_null(strstr(near_waits(), "\"callback_id\":\"eddy_edit\""));
	assert_non_null(strstr(near_waits(), "\"COURS 1760000000.000100 1760000000.000400\""));
	near_answer("{\"ok\":true}");
	/* Too long for a button: from what the message shows. */
	pressed(EDIT("",
	    "[{\"type\":\"rich_text\",\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"text\",\"text\":\"Head\",\"style\":{"
	    "\"bold\":true}}]}]},{\"type\":\"actions\",\"elements\":[]}]"));
	assert_non_null(strstr(near_waits(), "\"initial_value\":\"**Head**\""));
	near_answer("{\"ok\":true}");
	pressed(EDIT("", "[]"));
	assert_non_null(strstr(near_waits(), "too long for a form"));
	near_answer("{\"ok\":true}");
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		T(event__is_acknowledged__once_it_is_durable),
		T(event__is_left_to_slack__when_it_could_not_be_kept),
		T(frame__of_no_use__is_acknowledged_and_forgotten),
		T(event__of_a_new_workspace__waits_for_its_tenant),
		T(event__of_a_new_workspace__is_left_to_slack_when_it_has_no_tenant),
		T(event__in_a_channel_of_another_company__is_ours_by_its_installation),
		T(event__for_the_installation_of_others__is_acknowledged_and_nothing_kept),
		T(text_file__is_fetched__before_its_message_is_accepted),
		T(text_file__that_cannot_be_had__comes_by_reference),
		T(token__goes__nowhere_but_to_slacks_file_hosts),
		T(files__are_bounded),
		T(held__at_the_end_of_the_loop__is_left_to_slack),
		T(gap__is_told__when_the_database_was_away_for_long),
		T(gap__that_slack_bridges__is_not_told),
		T(events__that_say_something_aside__reach_whom_they_concern),
		T(late_message__is_handed_in__as_far_as_there_is_room),
		T(fork_shortcut__keeps_the_message__and_asks_for_the_topic),
		T(fork_shortcut__where_eddy_is_not__says_so),
		T(pin_shortcut__keeps_the_message__then_pins_it),
		T(form__that_is_sent_off__is_a_command_in_the_thread),
		T(form__that_cannot_be_taken__says_why),
		T(edit_button__opens__the_draft),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
