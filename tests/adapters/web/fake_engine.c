/*
 * The engine as the web adapter sees it, in memory: threads with their sequence, duplicates by source key, events and replies to order.
 * Included by the tests that need it; it takes the place of the real one from core.a.
 */
#pragma GCC diagnostic ignored "-Wunused-function" /* not every test needs all of it */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/api/serve.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/mem.h"
#include "../../../core/engine/engine.h"
#include "../../../core/engine/pages.h"
#include "../../../core/people/session.h"
#include "../../../core/talk/transcript.h"

#define FAKE_MESSAGES 20000
struct fake_message {
	struct id thread, id, run;
	int64_t seq, rev;
	int author;
	bool edited, deleted;
	char *text, key[80], source[200];
};
static struct fake {
	pthread_mutex_t lock;
	struct fake_message messages[FAKE_MESSAGES];
	size_t len;
	engine_event_fn on_event;
	void *event_arg;
	const struct adapter_ops *ops;
	struct adapter *adapter;
	bool full;             /* engine_accept() refuses */
	enum err store_result; /* what done() says */
	enum err read_result;
	uint32_t read_delay_ms;
	int stops, reads;
	const char *auto_answer;        /* what is answered to each posted message */
	const struct component *offers; /* go with what is answered */
	size_t offers_len;
	const char *offer; /* the run fails in the end; ${auto_answer} says so, and this is offered as a button */
	const char *hang;  /* what an answer begins with that never ends */
	struct id last_thread, last_run;
	char last_tz[70], last_key[70], last_person[80], last_name[130];
	bool last_guest;
	int last_verified;
	struct id last_about;
	enum intent_kind last_kind;
	char last_message_key[80];
	char last_action[110], *last_text; /* of what was handed in last */
	struct list_query asked;
	struct listed_thread shown; /* how engine_show_thread() says a thread stands */
	int calls;                  /* of engine_call() */
	uint32_t call_delay_ms;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };
static char fake_engine_object;

static void fake_reset(void)
{
	pthread_mutex_lock(&fake.lock);
	for (size_t i = 0; i < fake.len; i++)
		free(fake.messages[i].text);
	fake.len = 0;
	fake.full = false;
	fake.store_result = fake.read_result = ERR_NONE;
	fake.read_delay_ms = 0;
	fake.stops = fake.reads = 0;
	fake.auto_answer = fake.hang = fake.offer = NULL;
	fake.offers_len = 0;
	fake.shown = (struct listed_thread){ 0 };
	free(fake.last_text);
	fake.last_text = NULL;
	pthread_mutex_unlock(&fake.lock);
}

/* The database goes away (ERR_RETRY) or comes back. */
static void fake_database(enum err e)
{
	pthread_mutex_lock(&fake.lock);
	fake.read_result = e;
	pthread_mutex_unlock(&fake.lock);
}

static int64_t fake_rev(struct id thread)
{
	int64_t rev = 0;
	for (size_t i = 0; i < fake.len; i++)
		if (id_equal(fake.messages[i].thread, thread) && fake.messages[i].rev > rev)
			rev = fake.messages[i].rev;
	return rev;
}

static void fake_tell(const struct fake_message *m, int kind)
{
	if (fake.on_event == NULL)
		return;
	struct thread_event ev = { .kind = (__typeof__(ev.kind))kind,
		.thread = m->thread,
		.message = m->id,
		.run = m->run,
		.seq = m->seq,
		.rev = m->rev,
		.author_kind = m->author,
		.author = m->author == AUTHOR_EDDY ? "Eddy" : "you",
		.text = m->text,
		.text_len = strlen(m->text),
		.client_key = m->key[0] ? m->key : NULL,
		.components = m->author == AUTHOR_EDDY ? fake.offers : NULL,
		.components_len = m->author == AUTHOR_EDDY ? fake.offers_len : 0,
		.at_ms = (int64_t)clock_wall_ms() };
	fake.on_event(fake.event_arg, &ev);
}

/* A message of Eddy or of somebody elsewhere; ${tell} false: committed by another process, so no event here. */
static void fake_post(struct id thread, int author, struct id run, const char *text, bool tell)
{
	pthread_mutex_lock(&fake.lock);
	struct fake_message *m = &fake.messages[fake.len];
	*m = (struct fake_message){ .thread = thread, .id = id_new(), .run = run, .author = author, .text = xstrdup(text) };
	m->seq = m->rev = fake_rev(thread) + 1;
	fake.len++;
	if (tell)
		fake_tell(m, EVENT_MESSAGE);
	pthread_mutex_unlock(&fake.lock);
}

static void fake_reply(
    struct id thread, const char *key, enum reply_kind kind, struct id run, uint32_t attempt, size_t offset, const char *text)
{
	struct reply r = { .kind = kind,
		.run = run,
		.delivery = run,
		.thread = thread,
		.origin = key,
		.origin_len = strlen(key),
		.text = text,
		.text_len = strlen(text),
		.attempt = attempt,
		.offset = offset,
		.step_id = "s1" };
	fake.ops->send(fake.adapter, &r);
}

/* A whole answer in pieces of ${piece} bytes. */
static void fake_answer_as(struct id run, struct id thread, const char *key, const char *text, size_t piece)
{
	fake_reply(thread, key, REPLY_STATUS, run, 1, 0, "thinking");
	for (size_t at = 0; at < strlen(text); at += piece) {
		char part[4096];
		snprintf(part, sizeof part, "%.*s", (int)piece, text + at);
		fake_reply(thread, key, REPLY_GROW, run, 1, at, part);
	}
	fake_post(thread, AUTHOR_EDDY, run, text, true);
}

static void fake_answer(struct id thread, const char *key, const char *text, size_t piece)
{
	fake_answer_as(id_new(), thread, key, text, piece);
}

/* How the real engine ends a run: its message, its state, then the whole with its components. */
static void fake_end(struct id run, struct id thread, const char *key, const char *state, const char *offer)
{
	const struct thread_event ev = { .kind = EVENT_RUN, .thread = thread, .run = run, .run_state = state };
	const struct component button = { .kind = COMPONENT_BUTTON,
		.action = "run.retry",
		.value = "v1",
		.label = "Try \"again\"",
		.fallback = offer,
		.style = BUTTON_PRIMARY };
	const struct component link = { .kind = COMPONENT_LINK, .label = "The log" };
	const struct component both[] = { button, link };
	struct reply r = { .kind = REPLY_WHOLE,
		.run = run,
		.delivery = run,
		.thread = thread,
		.failed = strcmp(state, "failed") == 0,
		.message = id_new(),
		.origin = key,
		.origin_len = strlen(key),
		.text = "" };
	if (offer != NULL) {
		r.components = both;
		r.components_len = 2;
	}
	if (fake.on_event != NULL)
		fake.on_event(fake.event_arg, &ev);
	fake.ops->send(fake.adapter, &r);
}

static void fake_answer_job(void *arg)
{
	(void)arg;
	if (fake.auto_answer != NULL) {
		fake_answer_as(fake.last_run, fake.last_thread, fake.last_key, fake.auto_answer, 5);
		fake_end(fake.last_run, fake.last_thread, fake.last_key, fake.offer != NULL ? "failed" : "answered", fake.offer);
	} else if (fake.hang != NULL) {
		fake_reply(fake.last_thread, fake.last_key, REPLY_GROW, fake.last_run, 1, 0, fake.hang);
	}
}

bool engine_accept(struct engine *e, const struct intent *in, engine_accepted_fn done, void *arg)
{
	(void)e;
	pthread_mutex_lock(&fake.lock);
	if (fake.full) {
		pthread_mutex_unlock(&fake.lock);
		return false;
	}
	struct accepted a = { .result = fake.store_result };
	struct id place = engine_place_id(in->ws, in->adapter, in->place.external_id);
	a.thread = engine_thread_id(place, in->thread_key);
	snprintf(fake.last_tz, sizeof fake.last_tz, "%s", in->person.tz ? in->person.tz : "");
	snprintf(fake.last_person, sizeof fake.last_person, "%s", in->person.external_id);
	snprintf(fake.last_name, sizeof fake.last_name, "%s", in->person.name ? in->person.name : "");
	fake.last_guest = in->person.is_guest;
	fake.last_verified = (int)in->verified;
	fake.last_about = in->about_id;
	fake.last_kind = in->kind;
	snprintf(fake.last_message_key, sizeof fake.last_message_key, "%s", in->message_key ? in->message_key : "");
	snprintf(fake.last_action, sizeof fake.last_action, "%s", in->action ? in->action : "");
	free(fake.last_text);
	fake.last_text = xstrndup(in->text ? in->text : "", in->text_len);
	fake.last_thread = a.thread;
	struct fake_message *m = NULL;
	for (size_t i = 0; i < fake.len && m == NULL; i++)
		if (strcmp(fake.messages[i].source, in->source_key) == 0)
			m = &fake.messages[i];
	a.duplicate = m != NULL;
	if (m == NULL && a.result == ERR_NONE && in->kind == INTENT_MESSAGE_POSTED) {
		m = &fake.messages[fake.len];
		*m = (struct fake_message){
			.thread = a.thread, .id = id_new(), .author = AUTHOR_PERSON, .text = xstrndup(in->text, in->text_len)
		};
		m->seq = m->rev = fake_rev(a.thread) + 1;
		snprintf(m->key, sizeof m->key, "%s", in->message_key);
		snprintf(m->source, sizeof m->source, "%s", in->source_key);
		fake.len++;
		fake_tell(m, EVENT_MESSAGE);
	} else if (a.result == ERR_NONE && in->kind != INTENT_MESSAGE_POSTED) {
		for (size_t i = 0; i < fake.len; i++)
			if (id_equal(fake.messages[i].thread, a.thread) && in->message_key != NULL &&
			    strcmp(fake.messages[i].key, in->message_key) == 0) {
				m = &fake.messages[i];
				m->rev = fake_rev(a.thread) + 1;
				m->edited = in->kind == INTENT_MESSAGE_EDITED;
				m->deleted = in->kind == INTENT_MESSAGE_DELETED;
				free(m->text);
				m->text = xstrndup(in->text, in->text_len);
				fake_tell(m, m->deleted ? EVENT_DELETED : EVENT_EDITED);
			}
	}
	if (m != NULL) {
		a.message = m->id;
		a.seq = m->seq;
	}
	if (m != NULL && !a.duplicate && in->kind == INTENT_MESSAGE_POSTED && (fake.auto_answer != NULL || fake.hang != NULL))
		a.run = fake.last_run = id_new();
	snprintf(fake.last_key, sizeof fake.last_key, "%s", in->thread_key);
	pthread_mutex_unlock(&fake.lock);
	done(arg, &a);
	if (!id_is_none(a.run))
		engine_submit(e, fake_answer_job, NULL);
	return true;
}

enum err engine_read_thread(struct engine *e, struct id ws, struct id thread, int64_t after_rev, int limit,
    void (*fn)(void *arg, const struct stored_message *m), void *arg, int64_t *last_rev)
{
	(void)e, (void)ws;
	if (fake.read_delay_ms > 0)
		usleep(fake.read_delay_ms * 1000);
	pthread_mutex_lock(&fake.lock);
	fake.reads++;
	enum err r = fake.read_result;
	int n = 0;
	int64_t last = after_rev;
	while (r == ERR_NONE && n < limit) {
		struct fake_message *next = NULL;
		for (size_t i = 0; i < fake.len; i++)
			if (id_equal(fake.messages[i].thread, thread) && fake.messages[i].rev > last &&
			    (next == NULL || fake.messages[i].rev < next->rev))
				next = &fake.messages[i];
		if (next == NULL)
			break;
		last = next->rev;
		n++;
		const struct stored_message m = { .id = next->id,
			.run = next->run,
			.seq = next->seq,
			.rev = next->rev,
			.author_kind = next->author,
			.author = "x",
			.text = next->text,
			.message_key = next->key[0] ? next->key : NULL,
			.edited = next->edited,
			.deleted = next->deleted };
		fn(arg, &m);
	}
	*last_rev = n < limit ? fake_rev(thread) : last;
	pthread_mutex_unlock(&fake.lock);
	return r;
}

void engine_tell_thread(struct engine *e, struct id ws, struct id thread, enum thread_event_change change)
{
	(void)e, (void)ws, (void)thread, (void)change;
}

const char *engine_data_dir(const struct engine *e)
{
	(void)e;
	return NULL;
}

const struct settings *engine_settings(const struct engine *e)
{
	(void)e;
	return NULL;
}

struct fake_job {
	void (*fn)(void *);
	void *arg;
};
static int fake_jobs; /* begun and not ended */
static void *fake_job_run(void *arg)
{
	struct fake_job j = *(struct fake_job *)arg;
	free(arg);
	j.fn(j.arg);
	__atomic_sub_fetch(&fake_jobs, 1, __ATOMIC_SEQ_CST);
	return NULL;
}
bool engine_submit(struct engine *e, void (*fn)(void *arg), void *arg)
{
	(void)e;
	struct fake_job *j = xmalloc(sizeof *j);
	*j = (struct fake_job){ fn, arg };
	__atomic_add_fetch(&fake_jobs, 1, __ATOMIC_SEQ_CST);
	pthread_t t;
	if (pthread_create(&t, NULL, fake_job_run, j) != 0)
		abort();
	pthread_detach(t);
	return true;
}

void engine_offer_people(struct engine *e, const char *page, const char *adapter, const char *place_key)
{
	(void)e;
	(void)page;
	(void)adapter;
	(void)place_key;
}

void engine_on_event(struct engine *e, engine_event_fn fn, void *arg)
{
	(void)e;
	fake.on_event = fn;
	fake.event_arg = arg;
}
enum err engine_install(struct engine *e, const char *adapter, const char *external_id, const char *name, bool home, struct id *ws)
{
	(void)e, (void)adapter, (void)external_id, (void)name, (void)home;
	*ws = (struct id){ { 7 } };
	return ERR_NONE;
}
void engine_stop_run(struct engine *e, struct id ws, struct id thread)
{
	(void)e, (void)ws, (void)thread;
	__atomic_add_fetch(&fake.stops, 1, __ATOMIC_SEQ_CST);
}
bool engine_ready(struct engine *e, char *why, size_t n)
{
	(void)e;
	snprintf(why, n, "the database is away");
	pthread_mutex_lock(&fake.lock);
	bool ready = fake.read_result == ERR_NONE;
	pthread_mutex_unlock(&fake.lock);
	return ready;
}
struct id engine_place_id(struct id ws, const char *adapter, const char *place_key)
{
	(void)adapter;
	return id_named(ws, 0, place_key, strlen(place_key));
}
struct id engine_thread_id(struct id place, const char *thread_key)
{
	return id_named(place, 0, thread_key, strlen(thread_key));
}

/* Pages are tested against the real engine (tests/system/pages_test.c). */
enum err engine_list_threads(
    struct engine *e, struct id ws, const struct list_query *q, void (*fn)(void *arg, const struct listed_thread *t), void *arg)
{
	(void)e, (void)ws;
	if (fake.read_delay_ms > 0)
		usleep(fake.read_delay_ms * 1000);
	pthread_mutex_lock(&fake.lock);
	fake.asked = *q;
	pthread_mutex_unlock(&fake.lock);
	if (fake.shown.key != NULL)
		fn(arg, &fake.shown);
	return ERR_NONE;
}
enum err engine_show_thread(
    struct engine *e, struct id ws, struct id thread, void (*fn)(void *arg, const struct listed_thread *t), void *arg)
{
	(void)e, (void)ws, (void)thread;
	fn(arg, &fake.shown);
	return ERR_NONE;
}
enum err engine_search(struct engine *e, const struct page_search *s,
    void (*fn)(void *arg, const struct find_hit *h, const char *link), void *arg, struct page_found *out)
{
	(void)e, (void)s, (void)fn, (void)arg;
	*out = (struct page_found){ .note = "" };
	return ERR_NONE;
}
enum err engine_run_history(
    struct engine *e, struct id ws, struct id thread, int limit, void (*fn)(void *arg, const struct past_run *r), void *arg)
{
	(void)e, (void)ws, (void)thread, (void)limit, (void)fn, (void)arg;
	return ERR_RETRY;
}
/* Says what it was asked. */
void engine_call(struct engine *e, const struct api_request *q, struct api_reply *out)
{
	(void)e;
	pthread_mutex_lock(&fake.lock);
	uint32_t ms = fake.call_delay_ms;
	fake.calls++;
	pthread_mutex_unlock(&fake.lock);
	if (ms > 0)
		usleep(ms * 1000);
	*out = (struct api_reply){ .code = strcmp(q->procedure, "fake.taken") == 0                                  ? API_CONFLICT
		    : q->secret != NULL && strcmp(q->secret, "eddy_00000000-0000-4000-8000-000000000001_good") == 0 ? API_OK
		    : q->person == NULL ? API_UNAUTHENTICATED
		                        : API_OK };
	out->problem.code = out->code;
	if (strcmp(q->procedure, "fake.old") == 0)
		out->ends = (struct api_ends){ .since = "@1767225600", .until = "Fri, 01 Jan 2027 00:00:00 GMT" };
	out->again = out->code == API_OK && q->key != NULL && strcmp(q->key, "again") == 0;
	if (out->code == API_OK)
		out->out = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:O}", "procedure", q->procedure, "person",
		    q->person == NULL ? "" : q->person, "name", q->name, "via", q->secret != NULL ? "key" : q->via, "key", q->key,
		    "args", q->args == NULL ? json_null() : q->args);
}
enum err engine_give_opinion(struct engine *e, const struct opinion *o)
{
	(void)e, (void)o;
	return ERR_RETRY;
}
enum err engine_erase_thread(struct engine *e, struct id ws, struct id thread, const char *adapter, const char *person)
{
	(void)e, (void)ws, (void)thread, (void)adapter, (void)person;
	return ERR_RETRY;
}
void engine_erase_soon(struct engine *e)
{
	(void)e;
}

/* The rest of engine.h, so that nothing of the real engine is linked. */
enum err engine_open(struct engine **out, const struct engine_options *o, char *why, size_t why_n)
{
	(void)out, (void)o, (void)why, (void)why_n;
	return ERR_BROKEN;
}
void engine_add_adapter(struct engine *e, const struct adapter_ops *ops, struct adapter *a)
{
	(void)e, (void)ops, (void)a;
}
enum err engine_start(struct engine *e)
{
	(void)e;
	return ERR_BROKEN;
}
void engine_drain(struct engine *e, uint32_t ms)
{
	(void)e, (void)ms;
}
void engine_free(struct engine *e)
{
	(void)e;
}
bool engine_certain(struct engine *e)
{
	(void)e;
	return true;
}

void engine_held(struct engine *e, struct id ws, struct id delivery, uint32_t ms)
{
	(void)e, (void)ws, (void)delivery, (void)ms;
}

static void (*fake_on_sent)(void *arg, const struct sent *s);
void engine_sent(struct engine *e, const struct sent *s)
{
	(void)e;
	if (fake_on_sent != NULL)
		fake_on_sent(NULL, s);
}
void engine_stream_opened(struct engine *e, struct id ws, struct id delivery, const char *external_ref)
{
	(void)e, (void)ws, (void)delivery, (void)external_ref;
}
void engine_stream_opening(struct engine *e, struct id ws, struct id delivery, void (*ready)(void *arg, bool go), void *arg)
{
	(void)e, (void)ws, (void)delivery, (void)ready, (void)arg;
}
bool engine_workspace(struct engine *e, const char *adapter, const char *external_id, struct id *ws)
{
	(void)e, (void)adapter, (void)external_id, (void)ws;
	return false;
}
bool engine_learn_person(struct engine *e, struct id ws, const char *adapter, const struct intent_person *p)
{
	(void)e, (void)ws, (void)adapter, (void)p;
	return false;
}
bool engine_learn_place(struct engine *e, struct id ws, const char *adapter, const struct intent_place *p)
{
	(void)e, (void)ws, (void)adapter, (void)p;
	return false;
}
bool engine_note_put(struct engine *e, struct id ws, const char *adapter, const char *key, const char *value)
{
	(void)e, (void)ws, (void)adapter, (void)key, (void)value;
	return false;
}
enum err engine_note_get(struct engine *e, struct id ws, const char *adapter, const char *key, char **value)
{
	(void)e, (void)ws, (void)adapter, (void)key;
	*value = NULL;
	return ERR_NONE;
}
enum err engine_active_threads(struct engine *e, struct id ws, const char *adapter, int64_t since_ms, int limit,
    void (*fn)(void *arg, const struct active_thread *t), void *arg)
{
	(void)e, (void)ws, (void)adapter, (void)since_ms, (void)limit, (void)fn, (void)arg;
	return ERR_NONE;
}
struct id engine_message_id(struct id place, uint64_t platform_ms, const char *message_key)
{
	return id_named(place, platform_ms, message_key, strlen(message_key));
}
void engine_status(struct engine *e, char *out, size_t n)
{
	(void)e;
	snprintf(out, n, "fake");
}

/* ---- log-ins: one code that works once; the real ones are tested with the database ---- */

static struct {
	char code[64], refresh[128];
	struct id session;
} fake_login;

/* Under fake.lock from here to the end of the function that it stands in; each runs on a thread of its own. */
static void fake_unlock(pthread_mutex_t **lock)
{
	pthread_mutex_unlock(*lock);
}
#define FAKE_LOCKED \
	__attribute__((cleanup(fake_unlock), unused)) pthread_mutex_t *held = &fake.lock; \
	pthread_mutex_lock(held)

enum err engine_unsubscribe(struct engine *e, const char *token)
{
	(void)e;
	return strcmp(token, "a-good-one") == 0 ? ERR_NONE : ERR_INPUT;
}

enum err engine_login_code(struct engine *e, struct id ws, const char *subject, const char *name, char *code)
{
	(void)e, (void)ws, (void)subject, (void)name;
	FAKE_LOCKED;
	if (fake.read_result != ERR_NONE)
		return fake.read_result;
	snprintf(fake_login.code, sizeof fake_login.code, "0123456789012345678901234567890123456789abc");
	memcpy(code, fake_login.code, SESSION_CODE);
	return ERR_NONE;
}

static void fake_session(struct session *out)
{
	*out = (struct session){ .id = fake_login.session };
	snprintf(out->subject, sizeof out->subject, "local");
	snprintf(out->name, sizeof out->name, "Somebody");
}

/* Who asked for a letter last, and how often. */
static char fake_letter_to[400];
static int fake_letters;

enum err engine_login_mail(struct engine *e, struct id ws, const char *adapter, const char *address, struct id request)
{
	(void)e, (void)ws, (void)adapter, (void)request;
	FAKE_LOCKED;
	snprintf(fake_letter_to, sizeof fake_letter_to, "%s", address);
	fake_letters++;
	return strcmp(address, "ana@example.com") == 0 ? ERR_NONE : ERR_DENIED;
}

enum err engine_login_link(struct engine *e, struct id ws, struct id letter, char *code)
{
	(void)e, (void)ws, (void)letter, (void)code;
	return ERR_BROKEN;
}

const char *engine_invites_by(struct engine *e)
{
	(void)e;
	return NULL;
}

enum err engine_invitation(struct engine *e, struct id ws, const char *address, struct engine_invitation *out)
{
	(void)e, (void)ws, (void)address, (void)out;
	return ERR_INPUT;
}

enum err engine_invite(struct engine *e, struct pg *pg, struct id ws, struct id letter, const struct engine_invitation *i,
    const struct login_account *to, const char *text)
{
	(void)e, (void)pg, (void)ws, (void)letter, (void)i, (void)to, (void)text;
	return ERR_BROKEN;
}

void engine_invited(struct engine *e)
{
	(void)e;
}

enum err engine_secret(struct engine *e, struct id ws, const char *adapter, const char *name, unsigned char out[32])
{
	(void)e, (void)ws, (void)adapter, (void)name;
	memset(out, 7, 32);
	return ERR_NONE;
}

struct login_claim;
struct link_person;
enum err engine_login_service(struct engine *e, struct id ws, const struct login_claim *c, struct id request, char *code)
{
	(void)e, (void)ws, (void)c, (void)request, (void)code;
	return ERR_DENIED;
}

enum err engine_login_take(struct engine *e, struct id ws, const struct login_claim *c, const char *link, bool take,
    struct id request, struct link_person *other, int *answer, char *code)
{
	(void)e, (void)ws, (void)c, (void)link, (void)take, (void)request, (void)other, (void)answer, (void)code;
	return ERR_RETRY;
}

enum err engine_login_refused(struct engine *e, struct id ws, const char *via, const char *why, struct id request)
{
	(void)e, (void)ws, (void)via, (void)why, (void)request;
	return ERR_NONE;
}

enum err engine_login(struct engine *e, struct id ws, const char *code, struct id request, const struct session_client *at,
    struct session *out, char *refresh)
{
	(void)e, (void)ws, (void)request, (void)at;
	FAKE_LOCKED;
	if (fake.read_result != ERR_NONE)
		return fake.read_result;
	if (fake_login.code[0] == '\0' || strcmp(code, fake_login.code) != 0)
		return ERR_DENIED;
	fake_login.code[0] = '\0';
	fake_login.session = id_new();
	snprintf(fake_login.refresh, sizeof fake_login.refresh, "refresh-1");
	memcpy(refresh, fake_login.refresh, sizeof "refresh-1");
	fake_session(out);
	return ERR_NONE;
}

enum err engine_login_refresh(
    struct engine *e, struct id ws, const char *refresh, const struct session_client *at, struct session *out, char *next)
{
	(void)e, (void)ws, (void)at;
	next[0] = '\0';
	*out = (struct session){ 0 };
	FAKE_LOCKED;
	if (fake.read_result != ERR_NONE)
		return fake.read_result;
	if (fake_login.refresh[0] == '\0' || strcmp(refresh, fake_login.refresh) != 0)
		return ERR_DENIED;
	fake_session(out);
	return ERR_NONE;
}

/* What passwords are let in, and how often somebody was asked. */
static struct {
	int asked, at_once, most;
	bool only_known;
	char network[48], agent[48];
} fake_password;

enum err engine_login_password(struct engine *e, struct id ws, const struct password_login *p, struct id request,
    struct session *out, char *refresh, uint32_t *wait_ms)
{
	(void)e, (void)ws, (void)request;
	*wait_ms = 0;
	{
		FAKE_LOCKED;
		fake_password.asked++;
		if (++fake_password.at_once > fake_password.most)
			fake_password.most = fake_password.at_once;
		fake_password.only_known = p->only_known;
		snprintf(fake_password.network, sizeof fake_password.network, "%s", p->at->network == NULL ? "" : p->at->network);
		snprintf(fake_password.agent, sizeof fake_password.agent, "%s", p->at->agent == NULL ? "" : p->at->agent);
	}
	usleep(2000);
	FAKE_LOCKED;
	fake_password.at_once--;
	if (p->only_known)
		return ERR_INPUT;
	if (strcmp(p->name, "ana@example.com") != 0 || strcmp(p->password, "four words of no story") != 0)
		return ERR_DENIED;
	fake_login.session = id_new();
	snprintf(fake_login.refresh, sizeof fake_login.refresh, "refresh-1");
	memcpy(refresh, fake_login.refresh, sizeof "refresh-1");
	fake_session(out);
	return ERR_NONE;
}

enum err engine_password_link(struct engine *e, struct id ws, const char *code, const char *password,
    const struct session_client *at, struct id request, struct session *out, char *refresh, const char **why)
{
	(void)e, (void)ws, (void)at, (void)request;
	FAKE_LOCKED;
	if (strcmp(code, "0123456789012345678901234567890123456789abc") != 0)
		return ERR_DENIED;
	if (strlen(password) < 12) {
		*why = "too short";
		return ERR_INPUT;
	}
	fake_login.session = id_new();
	snprintf(fake_login.refresh, sizeof fake_login.refresh, "refresh-1");
	memcpy(refresh, fake_login.refresh, sizeof "refresh-1");
	fake_session(out);
	return ERR_NONE;
}

struct listener;
static void (*fake_sessions_heard)(void *arg);
static void *fake_sessions_arg;

struct listener *engine_sessions_listen(struct engine *e, void (*fn)(void *arg), void *arg)
{
	(void)e;
	fake_sessions_heard = fn;
	fake_sessions_arg = arg;
	return NULL;
}

void engine_sessions_unlisten(struct listener *l)
{
	(void)l;
}

enum err engine_sessions_ended(
    struct engine *e, struct id ws, int64_t seconds, void (*ended)(void *arg, struct id session), void *arg)
{
	(void)e, (void)ws, (void)seconds;
	FAKE_LOCKED;
	ended(arg, fake_login.session);
	return ERR_NONE;
}

enum err engine_logout(struct engine *e, struct id ws, const char *refresh, bool everywhere, struct id request,
    void (*ended)(void *arg, struct id session), void *arg)
{
	(void)e, (void)ws, (void)everywhere, (void)request;
	FAKE_LOCKED;
	if (strcmp(refresh, fake_login.refresh) != 0)
		return ERR_DENIED;
	fake_login.refresh[0] = '\0';
	for (int i = 0; i < 300; i++) /* whoever logs in by a new link each day has many */
		ended(arg, id_new());
	ended(arg, fake_login.session);
	return ERR_NONE;
}

/* For the command line, which shares this stand-in: nothing of the real engine may be linked. */
struct buf;
enum err engine_replay(struct engine *e, struct id run, struct buf *out, char *why, size_t why_n);
enum err engine_replay(struct engine *e, struct id run, struct buf *out, char *why, size_t why_n)
{
	(void)e, (void)run, (void)out, (void)why, (void)why_n;
	return ERR_INPUT;
}
