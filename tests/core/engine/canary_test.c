/*
 * Who may read what, asked at random.  Each message of a small world bears a canary: public and private channels, direct ones of one and of two
 * people, a shared one, one that Eddy has left, mail threads, pages, private answers, side threads, in two workspaces.  Then people ask, in
 * whatever way there is, wherever they are.  Every answer and every prompt is looked through for canaries; a small model of the reading
 * rule (docs/adr/041) says for each whether it may be there, and, for a search for one message, whether it has to be.
 *
 * EDDY_CANARY_ASKS: how many asks; without it 10,000, or as many as a minute allows. EDDY_CANARY_SEED: the random world of an earlier run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/mem.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

#define NOBODY (-1)
enum {
	PEOPLE = 6,
	OUTSIDER = 4,
	GUEST = 5,
	THREADS = 2,
	EACH = 16,
	BATCH = 16,
	PLACES_MAX = 8000,
	SECRETS_MAX = 80000,
	ASKS_MAX = 200000,
	ECHOES_MAX = 400000
};

/* ---- the world ---- */

struct place {
	int ws;
	const char *adapter;
	char key[96];
	enum visibility visibility;
	bool member;
	int people[3], people_len;
	int root; /* of a side thread with a place of its own: the place that it left */
};
struct thread {
	int place;
	char key[64];
	bool fork;
	int creator;
	struct id id;
};
struct source { /* where something was said */
	int thread;
	int alone; /* to this person alone; NOBODY: to all who read the thread */
	int next;  /* of w.echoes: where it was shown since, as it may be; 0: nowhere else */
};
struct asker {
	struct source at;
	int person;
	struct id run;
	int kind, secret;
	bool heard;
};
struct output {
	struct id run, thread;
	bool prompt, alone;
	char *text;
};
enum { ASK_ONE, ASK_MANY, ASK_TEXT, ASK_REMEMBER, ASK_FORK, ASK_EXPORT };

static const struct {
	const char *adapter, *name;
	enum visibility visibility;
	int people[3], people_len;
} layout[] = {
	{ "chat", "general", VIS_PUBLIC, { 0, 1, GUEST }, 3 },
	{ "chat", "random", VIS_PUBLIC, { 1, 2, 3 }, 3 },
	{ "chat", "left", VIS_PUBLIC, { 0, 2, 3 }, 3 }, /* Eddy is no member any more */
	{ "chat", "board", VIS_PRIVATE, { 0, 1, 2 }, 3 },
	{ "chat", "salaries", VIS_PRIVATE, { 2, 3 }, 2 },
	{ "chat", "partners", VIS_EXTERNAL, { 1, OUTSIDER }, 2 },
	{ "chat", "unknown", VIS_UNKNOWN, { 3 }, 1 },
	{ "chat", "dm0", VIS_DIRECT, { 0 }, 1 },
	{ "chat", "dm1", VIS_DIRECT, { 1 }, 1 },
	{ "chat", "dm2", VIS_DIRECT, { 2 }, 1 },
	{ "chat", "dm-guest", VIS_DIRECT, { GUEST }, 1 },
	{ "chat", "dm-two", VIS_DIRECT, { 0, 1 }, 2 },
	{ "email", "box/alone", VIS_DIRECT, { 0 }, 1 },
	{ "email", "box/other", VIS_DIRECT, { 1 }, 1 },
	{ "email", "box/both", VIS_PRIVATE, { 0, 1 }, 2 },
	{ "email", "box/out", VIS_EXTERNAL, { 0, OUTSIDER }, 2 },
	{ "web", "page0", VIS_DIRECT, { 0 }, 1 },
	{ "web", "page1", VIS_DIRECT, { 1 }, 1 },
};
enum { LAYOUT = sizeof(layout) / sizeof(layout[0]), LEFT = 2 };

static struct {
	struct fixture *f;
	struct id ws[2];
	struct place places[PLACES_MAX];
	int places_len;
	struct thread threads[PLACES_MAX];
	atomic_int threads_len;             /* grows only: what is below it stays */
	struct source secrets[SECRETS_MAX]; /* of canary i, "zs%05d" beside "zk%05d" */
	struct source echoes[ECHOES_MAX];   /* from 1 */
	int secrets_len, echoes_len;
	int order[SECRETS_MAX], order_len, order_at; /* secrets of messages, in the order in which they are searched for */
	pthread_mutex_t lock;
	struct output *out;
	size_t out_len, out_cap;
	struct asker asks[ASKS_MAX]; /* from ${batch} on: of this batch */
	int asks_len, batch;
	uint64_t random;
	long messages, leaks, withheld, silent, prompts, shown, searches;
} w;

static unsigned next_random(unsigned below)
{
	w.random = w.random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(w.random >> 33) % below;
}

static bool is_guest(int person)
{
	return person == OUTSIDER || person == GUEST;
}

/* ---- the rule ---- */

/* What all who read the answer there belong to. */
static bool is_house(const struct place *p, int person)
{
	return !is_guest(person) && (p->visibility == VIS_DIRECT || p->visibility == VIS_PRIVATE || p->visibility == VIS_PUBLIC);
}

/* Only ${person} reads it. */
static bool is_own(const struct place *p, int person)
{
	return p->visibility == VIS_DIRECT && p->people_len == 1 && p->people[0] == person;
}

static bool may_search(const struct asker *a, const struct source *s)
{
	const struct thread *to = &w.threads[a->at.thread], *from = &w.threads[s->thread];
	const struct place *there = &w.places[to->place], *here = &w.places[from->place];
	bool alone = a->at.alone != NOBODY, house = is_house(there, a->person);
	bool asks_alone = house && (alone || is_own(there, a->person));
	if (there->ws != here->ws)
		return false;
	if (s->alone != NOBODY)
		return s->alone == a->person && strcmp(here->adapter, there->adapter) == 0 &&
		    (asks_alone || (alone && to->place == from->place && (!is_guest(a->person) || s->thread == a->at.thread)));
	if (is_guest(a->person))
		return s->thread == a->at.thread && !alone;
	if (to->place == from->place)
		return true;
	if (house && here->visibility == VIS_PUBLIC && here->member)
		return true;
	return asks_alone && is_own(here, a->person) && strcmp(here->adapter, there->adapter) == 0;
}

/*
 * The same and what is shown besides: a side thread knows what it left, which hears what comes back; and what is remembered of a place is told to
 * all who read it, guests too.
 */
static bool may_show(const struct asker *a, const struct source *s)
{
	const struct place *there = &w.places[w.threads[a->at.thread].place], *here = &w.places[w.threads[s->thread].place];
	if (may_search(a, s))
		return true;
	return s->alone == NOBODY && there->root == here->root;
}

/* What somebody has said, kept or accepted, all of it read before: where nobody else reads along. */
static bool may_export(const struct asker *a, const struct source *s)
{
	const struct place *there = &w.places[w.threads[a->at.thread].place], *here = &w.places[w.threads[s->thread].place];
	bool reads = false;
	for (int i = 0; i < here->people_len; i++)
		reads |= here->people[i] == a->person && (s->alone == NOBODY || s->alone == a->person);
	return there->ws == here->ws && strcmp(there->adapter, here->adapter) == 0 && reads &&
	    (a->at.alone != NOBODY || is_own(there, a->person));
}

/* What was shown somewhere is said there. */
static bool anywhere(bool (*may)(const struct asker *a, const struct source *s), const struct asker *a, int secret)
{
	for (const struct source *s = &w.secrets[secret];; s = &w.echoes[s->next]) {
		if (may(a, s))
			return true;
		if (s->next == 0)
			return false;
	}
}

static void remember_shown(const struct asker *a, int secret)
{
	struct source *s = &w.secrets[secret];
	for (;; s = &w.echoes[s->next]) {
		if (s->thread == a->at.thread && s->alone == a->at.alone)
			return;
		if (s->next == 0)
			break;
	}
	if (w.echoes_len + 1 >= ECHOES_MAX)
		return;
	w.echoes[++w.echoes_len] = (struct source){ a->at.thread, a->at.alone, 0 };
	s->next = w.echoes_len;
}

/* ---- adapters ---- */

struct adapter {
	int nothing;
};
static struct adapter adapters[3];

static void note(struct id run, struct id thread, bool prompt, bool alone, char *text)
{
	pthread_mutex_lock(&w.lock);
	if (w.out_len == w.out_cap) {
		w.out_cap = w.out_cap > 0 ? w.out_cap * 2 : 256;
		w.out = xrealloc(w.out, w.out_cap * sizeof(*w.out));
	}
	w.out[w.out_len++] = (struct output){ run, thread, prompt, alone, text };
	pthread_mutex_unlock(&w.lock);
}

static struct id place_id(const struct place *p)
{
	return engine_place_id(w.ws[p->ws], p->adapter, p->key);
}

static int add_thread(int place, const char *key, bool fork, int creator)
{
	assert_true(w.threads_len < PLACES_MAX);
	struct thread *t = &w.threads[w.threads_len];
	*t = (struct thread){ .place = place, .fork = fork, .creator = creator };
	snprintf(t->key, sizeof(t->key), "%s", key);
	t->id = engine_thread_id(place_id(&w.places[place]), key);
	return atomic_fetch_add(&w.threads_len, 1);
}

/* What begins a side thread is named by it: "beside PARENT PLACE PERSON". */
static void see_opening(const struct reply *r, char ref[64])
{
	int place, person;
	char side[80] = "";
	if (sscanf((const char *)r->origin, "beside %d %d %79s", &place, &person, side) < 2)
		return;
	char id[ID_TEXT];
	snprintf(ref, 64, "key-%s", id_format(r->delivery, id));
	pthread_mutex_lock(&w.lock);
	if (side[0] != '\0') {
		struct place *p = &w.places[w.places_len];
		*p = w.places[place];
		snprintf(p->key, sizeof(p->key), "%s", side);
		place = w.places_len++;
	}
	bool known = false;
	for (int i = 0; i < w.threads_len; i++)
		known |= w.threads[i].place == place && strcmp(w.threads[i].key, ref) == 0;
	int thread = known ? NOBODY : add_thread(place, ref, true, person);
	pthread_mutex_unlock(&w.lock);
	if (thread != NOBODY) /* what it says is said in the side thread, whose readers may find it */
		note(r->run, w.threads[thread].id, false, false, xstrndup(r->text, r->text_len));
}

static enum err send(struct adapter *a, const struct reply *r)
{
	(void)a;
	if (r->kind != REPLY_WHOLE)
		return ERR_NONE;
	struct buf text = BUF_INIT;
	char ref[64] = "ts";
	buf_add(&text, r->text, r->text_len);
	for (size_t i = 0; i < r->components_len; i++)
		buf_addf(&text, "\n[%s] %s", r->components[i].label != NULL ? r->components[i].label : "",
		    r->components[i].value != NULL ? r->components[i].value : "");
	note(r->run, r->thread, false, r->one_person_only, buf_detach(&text, NULL));
	if (r->origin_len > 7 && memcmp(r->origin, "beside ", 7) == 0)
		see_opening(r, ref);
	engine_sent(
	    fixture_engine(w.f), &(struct sent){ .ws = r->ws, .delivery = r->delivery, .result = ERR_NONE, .external_ref = ref });
	return ERR_NONE;
}

static void describe(struct adapter *a, char *out, size_t n)
{
	(void)a;
	snprintf(out, n, "a fake");
}

static size_t origin_within(struct adapter *a, const void *origin, size_t n, const char *key, char out[INTENT_ORIGIN_MAX])
{
	(void)a;
	(void)n;
	(void)key;
	int place = 0, person = 0;
	sscanf((const char *)origin, "beside %d %d", &place, &person);
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "at %d %d", place, person) + 1;
}

static size_t origin_beside(struct adapter *a, struct id ws, const void *origin, size_t n, struct id id, const char *topic,
    char out[INTENT_ORIGIN_MAX], char place_key[PLACE_KEY_MAX], char thread_key[PLACE_KEY_MAX])
{
	(void)ws;
	(void)topic;
	(void)n;
	int place = 0, person = 0;
	char text[ID_TEXT];
	place_key[0] = thread_key[0] = '\0';
	if (sscanf((const char *)origin, "at %d %d", &place, &person) != 2)
		return 0;
	if (a == &adapters[1]) /* a mail thread is a place */
		snprintf(place_key, PLACE_KEY_MAX, "box/f:%s", id_format(id, text));
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "beside %d %d %s", place, person, place_key) + 1;
}

#define OPS(n) \
	{ \
		.name = n, .caps = CAP_THREAD, .send = send, .describe = describe, .origin_within = origin_within, \
		.origin_beside = origin_beside \
	}
static const struct adapter_ops ops[3] = { OPS("chat"), OPS("email"), OPS("web") };

static void add_adapters(void *arg, struct engine *e)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		engine_add_adapter(e, &ops[i], &adapters[i]);
}

/* ---- the model ---- */

static enum script on_call(void *arg, const struct model_request *r, bool floor)
{
	(void)arg;
	struct buf all = BUF_INIT;
	bool result = false, asked = false;
	buf_add(&all, r->system, r->system_len);
	for (size_t i = 0; i < r->messages_len; i++) {
		buf_add_char(&all, '\n');
		buf_add(&all, r->messages[i].text, r->messages[i].text_len);
		result |= r->messages[i].role == ROLE_TOOL_RESULT;
		asked = r->messages[i].role == ROLE_USER && strstr(r->messages[i].text, "look it up") != NULL;
	}
	buf_reserve(&all, 0);
	note(r->run, ID_NONE, true, false, buf_detach(&all, NULL));
	return !floor && !result && asked && r->tools_len > 0 ? SCRIPT_TOOL : SCRIPT_ANSWER;
}

/* ---- people at work ---- */

static void intent_of(struct intent *in, const struct source *at, int person, const char *text, char (*room)[160])
{
	static long number;
	const struct thread *t = &w.threads[at->thread];
	const struct place *p = &w.places[t->place];
	number++;
	snprintf(room[0], 160, "m%ld", number);
	snprintf(room[1], 160, "%s%d@x.example", p->adapter, person);
	snprintf(room[2], 160, "at %d %d", t->place, person);
	*in = (struct intent){ .kind = at->alone != NOBODY ? INTENT_COMMAND_GIVEN : INTENT_MESSAGE_POSTED,
		.ws = w.ws[p->ws],
		.adapter = p->adapter,
		.source_key = room[0],
		.message_key = at->alone != NOBODY ? NULL : room[0],
		.thread_key = t->key,
		.platform_ms = clock_wall_ms(),
		.person = { .external_id = room[1], .name = room[1], .is_guest = is_guest(person) },
		.place = { .external_id = p->key, .name = p->key, .visibility = p->visibility, .eddy_is_member = p->member },
		.text = text,
		.text_len = strlen(text),
		.mentions_us = true,
		.is_command = at->alone != NOBODY,
		.private_reply = at->alone != NOBODY,
		.verified = VERIFIED_PLATFORM,
		.origin = room[2],
		.origin_len = strlen(room[2]) + 1 };
}

static int plant(const struct source *at)
{
	assert_true(w.secrets_len < SECRETS_MAX);
	w.secrets[w.secrets_len] = (struct source){ at->thread, at->alone, 0 };
	return w.secrets_len++;
}

static void words_of(int n, char out[160])
{
	switch (n % 3) {
	case 0:
		snprintf(out, 160, "We decided on deploy zk%05d: it is zs%05d.", n, n);
		break;
	case 1:
		snprintf(out, 160, "The deploy of zk%05d needs zs%05d until Friday.", n, n);
		break;
	default:
		snprintf(out, 160, "Is zs%05d the deploy of zk%05d?", n, n);
	}
}

static void said(const struct source *at, int person, const char *text)
{
	char room[3][160];
	struct intent in;
	struct accepted a;
	const char *readers[3];
	char names[3][160];
	intent_of(&in, at, person, text, room);
	const struct place *p = &w.places[w.threads[at->thread].place];
	if (strcmp(p->adapter, "email") == 0) {
		for (int i = 0; i < p->people_len; i++) {
			snprintf(names[i], sizeof(names[i]), "email%d@x.example", p->people[i]);
			readers[i] = names[i];
		}
		in.readers = readers;
		in.readers_len = (size_t)p->people_len;
	}
	in.no_answer = true;
	assert_true(fixture_do(w.f, &in, &a));
	w.messages++;
}

static void plant_said(const struct source *at, int person)
{
	char text[160];
	int secret = plant(at);
	words_of(secret, text);
	said(at, person, text);
	w.order[w.order_len++] = secret;
}

static int someone_of(int thread)
{
	const struct place *p = &w.places[w.threads[thread].place];
	return p->people[next_random((unsigned)p->people_len)];
}

static void make_world(void)
{
	char key[40];
	for (int ws = 0; ws < 2; ws++)
		for (int i = 0; i < LAYOUT; i++) {
			struct place *p = &w.places[w.places_len];
			*p = (struct place){ .ws = ws,
				.adapter = layout[i].adapter,
				.visibility = layout[i].visibility,
				.member = true,
				.people_len = layout[i].people_len,
				.root = w.places_len };
			memcpy(p->people, layout[i].people, sizeof(p->people));
			snprintf(p->key, sizeof(p->key), "%s", layout[i].name);
			for (int t = 0; t < THREADS; t++) {
				snprintf(key, sizeof(key), "thread%d", t);
				add_thread(w.places_len, key, false, NOBODY);
			}
			w.places_len++;
		}
	for (int round = 0; round < EACH; round++)
		for (int t = 0; t < 2 * LAYOUT * THREADS; t++) { /* in the second thread of each place only one has written */
			const struct place *p = &w.places[w.threads[t].place];
			plant_said(&(struct source){ t, NOBODY, 0 }, p->people[t % THREADS == 0 ? round % p->people_len : 0]);
		}
	for (int t = 0; t < 2 * LAYOUT * THREADS; t++) { /* what one person alone is told */
		int person = someone_of(t);
		for (int i = 0; i < 2; i++)
			plant_said(&(struct source){ t, person, 0 }, person);
	}
	for (int ws = 0; ws < 2; ws++) {
		struct place *p = &w.places[ws * LAYOUT + LEFT];
		struct intent in = { .kind = INTENT_PLACE_LEFT,
			.ws = w.ws[ws],
			.adapter = p->adapter,
			.source_key = ws ? "left1" : "left0",
			.place = { .external_id = p->key, .visibility = VIS_PUBLIC, .eddy_is_member = false } };
		assert_true(fixture_do(w.f, &in, NULL));
		p->member = false;
	}
	for (int i = w.order_len - 1; i > 0; i--) {
		int k = (int)next_random((unsigned)i + 1), x = w.order[i];
		w.order[i] = w.order[k];
		w.order[k] = x;
	}
}

/* ---- asks ---- */

static const struct {
	int kind;
	unsigned weight;
	const char *text;
} ways[] = {
	{ ASK_ONE, 45, NULL },
	{ ASK_MANY, 4, "search deploy" },
	{ ASK_MANY, 2, "search deploy from:chat1" },
	{ ASK_TEXT, 8, "Where is the deploy? Please look it up." },
	{ ASK_TEXT, 6, "What is new about the deploy?" },
	{ ASK_TEXT, 4, "what do you remember about deploy" },
	{ ASK_TEXT, 3, "what do you remember" },
	{ ASK_TEXT, 2, "memory all" },
	{ ASK_TEXT, 3, "summarise" },
	{ ASK_TEXT, 3, "catch me up" },
	{ ASK_TEXT, 2, "what did we decide" },
	{ ASK_TEXT, 2, "what did we decide about deploy" },
	{ ASK_TEXT, 2, "threads" },
	{ ASK_TEXT, 1, "forks" },
	{ ASK_TEXT, 1, "why do you think so" },
	{ ASK_TEXT, 1, "pin that" },
	{ ASK_TEXT, 1, "history" },
	{ ASK_EXPORT, 2, "export my data" },
	{ ASK_TEXT, 1, "show all" },
	{ ASK_TEXT, 2, "resolve" },
	{ ASK_TEXT, 1, "accept" },
	{ ASK_TEXT, 1, "abandon" },
	{ ASK_REMEMBER, 3, NULL },
	{ ASK_FORK, 2, NULL },
};

static int pick_way(void)
{
	unsigned all = 0, at;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		all += ways[i].weight;
	at = next_random(all);
	for (int i = 0;; at -= ways[i++].weight)
		if (at < ways[i].weight)
			return i;
}

static bool in_batch(int thread)
{
	for (int i = w.batch; i < w.asks_len; i++)
		if (w.asks[i].at.thread == thread)
			return true;
	return false;
}

static void ask_something(void)
{
	int thread, way = pick_way();
	do
		thread = (int)next_random((unsigned)w.threads_len);
	while (in_batch(thread) || !w.places[w.threads[thread].place].member);
	struct asker *a = &w.asks[w.asks_len];
	*a = (struct asker){ .at = { thread, NOBODY, 0 }, .person = someone_of(thread), .kind = ways[way].kind, .secret = NOBODY };
	if (w.threads[thread].fork && next_random(3) == 0) /* so that something is there to come back */
		plant_said(&a->at, a->person);
	if (next_random(5) == 0)
		a->at.alone = a->person;
	char text[200], room[3][160];
	struct intent in;
	struct accepted done;
	snprintf(text, sizeof(text), "%s", ways[way].text != NULL ? ways[way].text : "");
	if (a->kind == ASK_ONE) {
		a->secret = w.order[w.order_at++ % w.order_len];
		snprintf(text, sizeof(text), "search zk%05d", a->secret);
	} else if (a->kind == ASK_REMEMBER) {
		char words[160];
		words_of(plant(&a->at), words);
		snprintf(text, sizeof(text), "remember: %s", words);
	} else if (a->kind == ASK_FORK) {
		int secret = plant(&a->at);
		snprintf(text, sizeof(text), "fork: what about the deploy zk%05d, is it zs%05d?", secret, secret);
	}
	intent_of(&in, &a->at, a->person, text, room);
	assert_true(fixture_do(w.f, &in, &done));
	a->run = done.run;
	w.asks_len++;
	w.searches += a->kind == ASK_ONE;
}

/* ---- the verdict ---- */

static const struct asker *asker_of(const struct output *o, struct asker *room)
{
	for (int i = w.asks_len - 1; i >= 0; i--)
		if (id_equal(w.asks[i].run, o->run))
			return &w.asks[i];
	for (int i = 0; i < w.threads_len; i++) /* said unasked: for all who read the thread */
		if (id_equal(w.threads[i].id, o->thread)) {
			const struct place *p = &w.places[w.threads[i].place];
			*room = (struct asker){
				.at = { i, NOBODY, 0 }, .person = p->people_len == 1 ? p->people[0] : NOBODY, .kind = ASK_TEXT
			};
			return room;
		}
	return NULL;
}

static void complain(const char *what, const struct asker *a, int secret, const char *text)
{
	const struct thread *t = &w.threads[a->at.thread], *s = &w.threads[w.secrets[secret].thread];
	print_error("# %s: zs%05d of %s/%s/%s%s (ws %d) for %d%s at %s/%s/%s (ws %d): %.300s\n", what, secret,
	    w.places[s->place].adapter, w.places[s->place].key, s->key, w.secrets[secret].alone != NOBODY ? " (private)" : "",
	    w.places[s->place].ws, a->person, a->at.alone != NOBODY ? " alone" : "", w.places[t->place].adapter,
	    w.places[t->place].key, t->key, w.places[t->place].ws, text);
}

static void look_through(const struct output *o)
{
	struct asker room;
	const struct asker *a = asker_of(o, &room);
	if (a == NULL) {
		w.leaks++;
		print_error("# nobody asked for this: %.300s\n", o->text);
		return;
	}
	if (a->at.alone != NOBODY && !o->prompt && !o->alone) {
		w.leaks++;
		print_error("# said to all, asked by one alone: %.300s\n", o->text);
	}
	for (const char *p = o->text; (p = strstr(p, "zs")) != NULL; p += 2) {
		int secret;
		if (sscanf(p, "zs%5d", &secret) != 1 || secret < 0 || secret >= w.secrets_len)
			continue;
		w.shown++;
		if (anywhere(a->kind == ASK_ONE && !o->prompt ? may_search : may_show, a, secret) ||
		    (a->kind == ASK_EXPORT && may_export(a, &w.secrets[secret]))) {
			if (!o->prompt)
				remember_shown(a, secret);
			continue;
		}
		if (w.leaks++ < 5)
			complain(o->prompt ? "in a prompt" : "shown", a, secret, p > o->text + 100 ? p - 100 : o->text);
	}
}

static void judge(void)
{
	if (!fixture_wait_idle(w.f, 20000))
		fail_msg("not idle");
	pthread_mutex_lock(&w.lock);
	for (size_t i = 0; i < w.out_len; i++) {
		look_through(&w.out[i]);
		w.prompts += w.out[i].prompt;
	}
	for (int k = w.batch; k < w.asks_len; k++) {
		struct asker *a = &w.asks[k];
		char canary[20];
		bool shown = false, answered = false;
		const char *text = "";
		snprintf(canary, sizeof(canary), "zs%05d", a->secret);
		for (size_t i = 0; i < w.out_len && a->kind == ASK_ONE; i++)
			if (!w.out[i].prompt && id_equal(w.out[i].run, a->run)) {
				answered = true;
				text = w.out[i].text;
				shown |= strstr(text, canary) != NULL;
			}
		if (a->kind != ASK_ONE)
			continue;
		w.silent += !answered;
		if (answered && !shown && may_search(a, &w.secrets[a->secret]) && w.withheld++ < 5)
			complain("withheld", a, a->secret, text);
	}
	for (size_t i = 0; i < w.out_len; i++)
		free(w.out[i].text);
	w.out_len = 0;
	w.batch = w.asks_len;
	pthread_mutex_unlock(&w.lock);
}

static void canaries__asked_for_in_every_way__stay_with_their_readers(void **state)
{
	(void)state;
	const char *asks_text = getenv("EDDY_CANARY_ASKS"), *seed_text = getenv("EDDY_CANARY_SEED");
	long asks = asks_text != NULL ? strtol(asks_text, NULL, 10) : 10000;
	uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : (uint64_t)clock_wall_ms() ^ (uint64_t)getpid() << 20;
	w.random = seed;
	next_random(2);
	pthread_mutex_init(&w.lock, NULL);
	w.f = fixture_new(
	    &(struct fixture_options){ .scan_ms = 100, .quick = true, .before_start = add_adapters, .on_call = on_call });
	w.ws[0] = fixture_ws(w.f);
	assert_int_equal(engine_install(fixture_engine(w.f), "chat", "T2", "Other", false, &w.ws[1]), ERR_NONE);
	uint64_t t0 = clock_ms();
	make_world();
	assert_true(test_db_exec("ANALYZE")); /* as autovacuum does where a server lives longer than a minute */
	uint64_t t1 = clock_ms();
	bool patient = asks_text != NULL || getenv("EDDY_TEST_LONG") != NULL;
	long n = 0;
	for (; n < asks && (patient || n < asks / 10 || clock_ms() < t1 + 25000); n += BATCH) {
		for (int i = 0; i < BATCH; i++)
			ask_something();
		judge();
	}
	judge();
	print_message(
	    "# EDDY_CANARY_SEED=%llu: %ld messages in %.1f s, %ld asks (%ld for one message) in %.1f s, %d side threads\n",
	    (unsigned long long)seed, w.messages, (double)(t1 - t0) / 1000, n, w.searches, (double)(clock_ms() - t1) / 1000,
	    w.threads_len - 2 * LAYOUT * THREADS);
	print_message("# %ld canaries shown, %ld prompts; leaked %ld, withheld %ld, silent %ld\n", w.shown, w.prompts, w.leaks,
	    w.withheld, w.silent);
	assert_int_equal(w.leaks, 0);
	assert_int_equal(w.withheld, 0);
	assert_int_equal(w.silent, 0);
	assert_true(w.shown > n / 10); /* it is not that nothing was found */
	fixture_free(w.f);
	free(w.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(canaries__asked_for_in_every_way__stay_with_their_readers) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
