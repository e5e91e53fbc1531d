/*
 * The engine put together: opening, the worker threads, starting and draining.  What happens to a message is in accept.c, run.c,
 * finish.c and claim.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../agents/approvals.h"
#include "../api/api.h"
#include "../api/once.h"
#include "../api/serve.h"
#include "../audit/entry.h"
#include "../audit/verify.h"
#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../memory/inject.h"
#include "../memory/item.h"
#include "../memory/offers.h"
#include "../memory/export.h"
#include "../memory/erased.h"
#include "../memory/forget.h"
#include "../memory/hold.h"
#include "../memory/retention.h"
#include "../memory/whole.h"
#include "../memory/sweep.h"
#include "../people/authority.h"
#include "../people/keys.h"
#include "../people/links.h"
#include "../people/login.h"
#include "../people/passwords.h"
#include "../people/directory.h"
#include "../people/session.h"
#include "../settings/settings.h"
#include "../store/listen.h"
#include "../store/seal.h"
#include "../teams/spend.h"
#include "../talk/browse.h"
#include "../talk/find.h"
#include "../talk/rejudge.h"
#include "../talk/said.h"
#include "../talk/search.h"
#include "../talk/thread.h"
#include "../teams/config_store.h"
#include "../teams/member.h"
#include "../teams/node.h"
#include "../teams/dedicated.h"
#include "../teams/held.h"
#include "../teams/place.h"
#include "../teams/provision.h"
#include "../teams/roster.h"
#include "../teams/route.h"
#include "answer.h"
#include "ledger.h"
#include "resolve.h"
#include "upkeep.h"
#include "context.h"
#include "accept_internal.h"
#include "admins.h"
#include "call_rules.h"
#include "money.h"
#include "pool.h"
#include "track.h"
#include "vectors.h"
#include "installs.h"

#define TRANSCRIPT_BYTES (10u << 20)
#define JOBS_MAX 16384
#define JOBS_AT_ONCE 4
#define MEMORY_LOOK_MS 5000

static const struct pg_statement *const writer_tables[] = { accept_statements, accept_limit_statements, finish_statements,
	money_statements, delivery_statements, claim_statements, learn_statements, relay_statements, notice_statements,
	fork_statements, derived_statements, act_statements, approval_write_statements, pool_statements, NULL };
static const struct pg_statement *const worker_tables[] = { secret_statements, read_statements, pages_statements,
	context_statements, answer_statements, transcript_statements, budget_statements, budget_cap_statements, agent_statements,
	search_statements, find_statements, page_search_statements, session_statements, login_statements, passwords_statements,
	relay_read_statements, edge_statements, thread_statements, said_statements, replay_statements, ask_statements,
	ask_forks_statements, ask_fork_statements, fork_edit_statements, ask_resolve_statements, ask_threads_statements,
	ask_digest_statements, ask_search_statements, ask_memory_statements, ask_recall_statements, ask_decisions_statements,
	ask_forget_statements, again_statements, item_write_statements, item_read_statements, inject_statements,
	tool_memory_statements, recall_statements, offers_statements, derived_statements, forget_statements, export_statements,
	upkeep_statements, money_read_statements, keys_statements, links_statements, ask_people_statements, authority_statements,
	admins_statements, api_statements, node_statements, member_statements, spend_statements, spend_layer_statements,
	once_statements, serve_statements, chain_statements, verify_statements, entry_statements, browse_statements,
	config_statements, config_cache_statements, route_statements, track_statements, provision_statements,
	provision_plan_statements, provision_step_statements, place_statements, tool_send_statements, approval_statements,
	approval_write_statements, held_statements, install_statements, rejudge_statements, sweep_statements, retention_statements,
	hold_statements, whole_statements, roster_statements, pool_read_statements, dedicated_statements, NULL };

const struct pg_statement *const *engine_tables(bool of_writer)
{
	return of_writer ? writer_tables : worker_tables;
}

/* ---- workers ---- */

static __thread struct pg *worker_pg;

static struct pg *open_worker_pg(struct engine *e)
{
	char why[256];
	struct pg *pg = NULL;
	while (pg_open(&pg, e->database_url, worker_tables, why, sizeof(why)) != ERR_NONE) {
		if (jobs_closed(e->jobs))
			return NULL;
		log_warn("worker.connect", LF_STR("why", why), LF_STR("result", "retry"));
		usleep(500000);
	}
	return pg;
}

static void *worker_main(void *arg)
{
	struct engine *e = arg;
	struct job jobs[JOBS_AT_ONCE];
	size_t n;
	while ((n = jobs_take(e->jobs, jobs, JOBS_AT_ONCE)) > 0) {
		if (worker_pg == NULL && (worker_pg = open_worker_pg(e)) == NULL)
			break;
		for (size_t i = 0; i < n; i++) {
			if (!pg_alive(worker_pg))
				pg_reconnect(worker_pg); /* if that fails the job finds out and comes again */
			jobs[i].fn(jobs[i].arg, worker_pg);
		}
	}
	pg_close(worker_pg);
	worker_pg = NULL;
	return NULL;
}

bool engine_job_of(struct engine *e, struct id ws, void (*fn)(void *arg, struct pg *pg), void *arg)
{
	return jobs_put(e->jobs, ws, (struct job){ fn, arg });
}

bool engine_job(struct engine *e, void (*fn)(void *arg, struct pg *pg), void *arg)
{
	return engine_job_of(e, ID_NONE, fn, arg);
}

struct plain_job {
	void (*fn)(void *arg);
	void *arg;
};

static void run_plain(void *arg, struct pg *pg)
{
	(void)pg;
	struct plain_job p = *(struct plain_job *)arg;
	free(arg);
	p.fn(p.arg);
}

bool engine_submit(struct engine *e, void (*fn)(void *arg), void *arg)
{
	struct plain_job *p = xmalloc(sizeof(*p));
	*p = (struct plain_job){ fn, arg };
	if (engine_job(e, run_plain, p))
		return true;
	free(p);
	return false;
}

const char *engine_data_dir(const struct engine *e)
{
	return e->o.data_dir;
}

const struct settings *engine_settings(const struct engine *e)
{
	return e->o.settings;
}

struct pg *engine_pg(struct engine *e)
{
	if (worker_pg != NULL)
		return worker_pg;
	pthread_mutex_lock(&e->side_mutex);
	if (!pg_alive(e->side))
		pg_reconnect(e->side);
	return e->side;
}

void engine_pg_done(struct engine *e, struct pg *pg)
{
	if (pg != worker_pg)
		pthread_mutex_unlock(&e->side_mutex);
}

/* ---- adapters ---- */

void engine_add_adapter(struct engine *e, const struct adapter_ops *ops, struct adapter *a)
{
	if (e->adapters_len < ADAPTERS_MAX)
		e->adapters[e->adapters_len++] = (struct adapter_slot){ ops, a };
}

const struct adapter_slot *engine_adapter(struct engine *e, const char *name, size_t n)
{
	for (size_t i = 0; i < e->adapters_len; i++)
		if (strlen(e->adapters[i].ops->name) == n && memcmp(e->adapters[i].ops->name, name, n) == 0)
			return &e->adapters[i];
	return NULL;
}

void engine_offer_people(struct engine *e, const char *page, const char *adapter, const char *place_key)
{
	e->people_for = xstrdup(page);
	e->people_at = xstrdup(adapter);
	e->people_place = xstrdup(place_key);
}

void engine_on_event(struct engine *e, engine_event_fn fn, void *arg)
{
	e->on_event = fn;
	e->on_event_arg = arg;
}

void engine_tell_thread(struct engine *e, struct id ws, struct id thread, enum thread_event_change change)
{
	engine_emit(e, &(struct thread_event){ .kind = EVENT_THREAD, .ws = ws, .thread = thread, .change = change });
}

void engine_emit(struct engine *e, const struct thread_event *ev)
{
	if (e->on_event != NULL)
		e->on_event(e->on_event_arg, ev);
}

/* ---- ids that anybody can compute ---- */

static struct id named(struct id space, uint64_t ms, const char *kind, const char *a, const char *b)
{
	struct buf name = BUF_INIT;
	buf_addf(&name, "%s\n%s\n%s", kind, a, b);
	struct id id = id_named(space, ms, name.p, name.len);
	buf_done(&name);
	return id;
}

struct id engine_place_id(struct id ws, const char *adapter, const char *place_key)
{
	return named(ws, 0, "place", adapter, place_key);
}

struct id engine_thread_id(struct id place, const char *thread_key)
{
	return named(place, 0, "thread", thread_key, "");
}

struct id engine_message_id(struct id place, uint64_t platform_ms, const char *message_key)
{
	return named(place, platform_ms, "message", message_key, "");
}

/* ---- open and start ---- */

static enum err on_connect(void *arg, struct pg *pg, bool beside)
{
	struct engine *e = arg;
	char sql[240], lock[64] = "SELECT";
	/* Shared: after a cut the server may still believe in the former session, and this one must not wait for its end. */
	/*
	 * Every statement of the writer is a look-up by key: plans that read whole tables are never right here, however small a table still
	 * is when the plan is made, and a plan for one row is right for all of them, so none is made twice.
	 */
	if (!beside) /* that one says nothing about the life of the other: what this process is to be known by ends with the session of the batches */
		snprintf(lock, sizeof(lock), "SELECT pg_advisory_lock_shared(%lld)", (long long)process_lock_key(e->process));
	snprintf(sql, sizeof(sql),
	    "%s; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan",
	    lock);
	PGresult *r = PQexec(pg_conn(pg), sql);
	enum err err = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK ? ERR_NONE : ERR_RETRY;
	PQclear(r);
	return err;
}

static double gauge_size(void *arg)
{
	return (double)atomic_load((atomic_size_t *)arg);
}

static double gauge_backlog(void *arg)
{
	return (double)writer_backlog(((struct engine *)arg)->writer);
}

static double gauge_jobs(void *arg)
{
	return (double)jobs_length(((struct engine *)arg)->jobs);
}

static double gauge_connected(void *arg)
{
	return writer_connected(((struct engine *)arg)->writer) ? 1 : 0;
}

static double gauge_transcripts(void *arg)
{
	return (double)transcripts_bytes(((struct engine *)arg)->transcripts);
}

static double gauge_rss(void *arg)
{
	(void)arg;
	long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%ld %ld", &pages, &resident) != 2)
		resident = 0;
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void make_metrics(struct engine *e)
{
	struct metrics *ms = e->o.metrics;
	struct engine_metrics *m = &e->m;
	const char *name = "eddy_intents_total", *help = "Intents handed in, by what became of them.";
	m->accepted = metric_counter(ms, name, "result=\"stored\"", help);
	m->duplicates = metric_counter(ms, name, "result=\"duplicate\"", help);
	m->rejected = metric_counter(ms, name, "result=\"refused\"", help);
	m->accept_ms = metric_duration(ms, "eddy_accept_seconds", NULL, "From hand-in to COMMIT.");
	m->queue_wait_ms = metric_duration(ms, "eddy_queue_wait_seconds", NULL, "From hand-in to the beginning of the run.");
	m->first_ms = metric_duration(ms, "eddy_first_part_seconds", NULL, "From hand-in to the first part of the answer.");
	m->total_ms = metric_duration(ms, "eddy_answer_seconds", NULL, "From hand-in to the stored answer.");
	static const char *const ends[] = { NULL, NULL, NULL, "outcome=\"answered\"", NULL, "outcome=\"failed\"",
		"outcome=\"stopped\"", "outcome=\"parked\"" };
	for (size_t i = 3; i < 8; i++)
		if (ends[i] != NULL)
			m->finished[i] = metric_counter(ms, "eddy_runs_total", ends[i], "Runs by how they ended.");
	static const char *const results[] = { "result=\"ok\"", "result=\"retry\"", "result=\"input\"", "result=\"denied\"",
		"result=\"broken\"" };
	for (size_t i = 0; i < 5; i++)
		m->deliveries[i] = metric_counter(ms, "eddy_deliveries_total", results[i], "Outcomes of deliveries.");
	m->rescued = metric_counter(ms, "eddy_rescued_threads_total", NULL, "Threads taken over from a process that was gone.");
	m->lost = metric_counter(ms, "eddy_lost_leases_total", NULL, "Leases that this process has lost.");
	m->held = metric_counter(ms, "eddy_asks_held_total", NULL, "Questions that had to wait because somebody asks much.");
	m->refused = metric_counter(ms, "eddy_asks_refused_total", NULL, "Questions that were too many even to wait.");
	for (enum api_code c = API_INVALID; c < API_CODES; c++) {
		char label[64];
		snprintf(label, sizeof label, "code=\"%s\"", problem_name(c));
		m->refusals[c] = metric_counter(ms, "eddy_refusals_total", label, "What was refused in conversations, by code.");
	}
	m->retries = metric_counter(ms, "eddy_retries_total", NULL, "Model calls and deliveries tried again.");
	metric_gauge_fn(ms, "eddy_runs_open", NULL, "Runs and deliveries in memory.", gauge_size, &e->runs_count);
	metric_gauge_fn(ms, "eddy_runs_working", NULL, "Runs that work or wait for a model.", gauge_size, &e->active_count);
	metric_gauge_fn(ms, "eddy_leases", NULL, "Threads whose lease this process holds.", gauge_size, &e->lanes_count);
	metric_gauge_fn(ms, "eddy_writer_queue", NULL, "Operations waiting for the writer.", gauge_backlog, e);
	metric_gauge_fn(ms, "eddy_worker_queue", NULL, "Jobs waiting for a worker.", gauge_jobs, e);
	metric_gauge_fn(ms, "eddy_database_connected", NULL, "1 while the writer has its connection.", gauge_connected, e);
	metric_gauge_fn(ms, "eddy_transcript_bytes", NULL, "Memory of the cache of thread tails.", gauge_transcripts, e);
	metric_gauge_fn(ms, "process_resident_memory_bytes", NULL, "Resident memory.", gauge_rss, NULL);
}

enum err engine_open(struct engine **out, const struct engine_options *o, char *why, size_t why_n)
{
	struct engine *e = xcalloc(1, sizeof(*e));
	e->o = *o;
	e->o.lease_ms = o->lease_ms ? o->lease_ms : (uint32_t)settings_int(o->settings, "engine.lease");
	e->o.heartbeat_ms = o->heartbeat_ms ? o->heartbeat_ms : (uint32_t)settings_int(o->settings, "engine.heartbeat");
	e->o.scan_ms = o->scan_ms ? o->scan_ms : (uint32_t)settings_int(o->settings, "engine.scan");
	e->database_url = xstrdup(o->database_url);
	e->secrets_len = settings_secrets(o->settings, &e->secrets);
	e->process = id_new();
	e->model = o->model;
	e->lanes = map_new();
	e->runs = map_new();
	e->agents = map_new();
	config_platform(o->settings);
	e->configs = config_cache_new();
	e->pool = pool_new(settings_str(o->settings, "runtime.team"));
	e->waiting = fair_new();
	e->lanes_of_ws = map_new();
	e->teams = map_new();
	e->directory = directory_new();
	e->memory = memory_new(MEMORY_LOOK_MS);
	e->transcripts = transcripts_new(TRANSCRIPT_BYTES);
	e->timers = timers_new();
	e->quota = quota_new((int64_t)clock_us());
	e->calls = quota_new((int64_t)clock_us());
	e->call_rules = call_rules_new();
	pthread_mutex_init(&e->calls_mutex, NULL);
	e->budget = money_new(e);
	e->vectors = vectors_new(e);
	e->jobs = jobs_new(JOBS_MAX);
	pthread_mutex_init(&e->agents_mutex, NULL);
	pthread_mutex_init(&e->side_mutex, NULL);
	pthread_mutex_init(&e->upkeep_mutex, NULL);
	e->active_max = (size_t)settings_int(o->settings, "runs.max");
	int64_t workers = settings_int(o->settings, "workers.count");
	if (workers <= 0)
		workers = 2 * sysconf(_SC_NPROCESSORS_ONLN) < 8 ? 2 * sysconf(_SC_NPROCESSORS_ONLN) : 8;
	e->workers_len = (size_t)(workers > 16 ? 16 : workers);
	make_metrics(e);
	struct writer_options w = { .url = e->database_url, .statements = writer_tables, .on_connect = on_connect, .arg = e };
	enum err err = writer_open(&e->writer, &w, why, why_n);
	if (err == ERR_NONE && (o->data_dir != NULL || settings_str(o->settings, "secrets.master_key") != NULL))
		err = seal_open(&e->seal, o->data_dir, settings_str(o->settings, "secrets.master_key"), true, why, why_n);
	if (err == ERR_NONE && e->seal != NULL)
		e->hush = hush_new();
	if (err == ERR_NONE)
		err = pg_open(&e->side, e->database_url, worker_tables, why, why_n);
	if (err == ERR_NONE) {
		err = engine_install(e, "local", "default", settings_str(o->settings, "workspace.name"), false, &e->default_ws);
		if (err != ERR_NONE)
			snprintf(why, why_n, "the database refuses to store the workspace (%s)", err_name(err));
	}
	if (err != ERR_NONE) {
		engine_free(e);
		return err;
	}
	relay_init(e);
	*out = e;
	return ERR_NONE;
}

/* Decided by another process, or by a program that is none: whoever is free takes what comes of it. */
static void on_work(void *arg)
{
	claim_all_now(arg);
}

enum err engine_start(struct engine *e)
{
	enum err err = ledger_open(e);
	if (err == ERR_NONE && e->seal != NULL)
		err = edges_seal_notes(e);
	if (err == ERR_NONE)
		err = hush_warm(e);
	if (err == ERR_NONE)
		err = upkeep_again(e);
	if (err != ERR_NONE)
		return err;
	e->started_ms = clock_ms();
	timers_start(e->timers);
	config_cache_listen(e->configs, e->database_url);
	if (writer_start(e->writer) != ERR_NONE)
		return ERR_BROKEN;
	for (size_t i = 0; i < e->workers_len; i++) {
		if (pthread_create(&e->workers[i], NULL, worker_main, e) != 0) {
			e->workers_len = i;
			return ERR_BROKEN;
		}
		pthread_setname_np(e->workers[i], "worker");
	}
	const struct adapter_slot *people = e->people_at ? engine_adapter(e, e->people_at, strlen(e->people_at)) : NULL;
	if (e->people_at != NULL && (people == NULL || people->ops->origin_for == NULL))
		log_warn("people.offer", LF_STR("adapter", e->people_at),
		    LF_STR("result", "nobody can be asked: this adapter is not connected, or cannot begin a conversation"));
	if (e->pool != NULL) {
		struct pg *pg = engine_pg(e);
		pool_look(e, pg);
		engine_pg_done(e, pg);
	}
	atomic_store(&e->started, true);
	claim_start(e);
	e->work = listener_new(e->database_url, APPROVAL_WORK, on_work, e);
	upkeep_start(e);
	ledger_start(e);
	atomic_store(&e->ready, true);
	return ERR_NONE;
}

void engine_drain(struct engine *e, uint32_t ms)
{
	if (!atomic_load(&e->started))
		return;
	uint64_t until = clock_ms() + ms;
	atomic_store(&e->ready, false);
	atomic_store(&e->draining, true);
	while (clock_ms() < until &&
	    (atomic_load(&e->runs_count) > 0 || atomic_load(&e->accepting) > 0 || writer_backlog(e->writer) > 0))
		usleep(20000);
	log_info("engine.drain", LF_INT("left", atomic_load(&e->runs_count)), LF_STR("result", "ok"));
	atomic_store(&e->started, false);
	listener_free(e->work);
	e->work = NULL;
	claim_release(e);
	struct pg *side = e->seal != NULL ? engine_pg(e) : NULL;
	if (side != NULL) {
		(void)secret_reads_end(e->seal, side); /* else the audit log has the count of an hour ago */
		engine_pg_done(e, side);
	}
	ledger_last(e);
	timers_stop(e->timers);
	jobs_close(e->jobs);
	for (size_t i = 0; i < e->workers_len; i++)
		pthread_join(e->workers[i], NULL);
	e->workers_len = 0;
	writer_stop(e->writer, 2000);
}

void engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	if (atomic_load(&e->started))
		engine_drain(e, 0);
	writer_free(e->writer);
	pg_close(e->side);
	lanes_free(e);
	map_free(e->agents, engine_free_agent_entry);
	config_cache_free(e->configs);
	pool_free(e->pool);
	budget_free(e->budget);
	vectors_free(e->vectors);
	ledger_free(e->ledger);
	hush_free(e->hush);
	seal_close(e->seal);
	transcripts_free(e->transcripts);
	directory_free(e->directory);
	memory_free(e->memory);
	timers_free(e->timers);
	quota_free(e->quota);
	quota_free(e->calls);
	call_rules_free(e->call_rules);
	pthread_mutex_destroy(&e->calls_mutex);
	jobs_free(e->jobs);
	pthread_mutex_destroy(&e->agents_mutex);
	pthread_mutex_destroy(&e->side_mutex);
	pthread_mutex_destroy(&e->upkeep_mutex);
	free(e->people_for);
	free(e->people_at);
	free(e->people_place);
	free(e->secrets);
	free(e->database_url);
	free(e);
}

struct stop_op {
	struct write_op op;
	struct engine *e;
	struct id thread;
};

static void stop_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct stop_op *s = (struct stop_op *)ops[i];
		accept_send_stop(tx, s->e, s->op.ws, s->thread);
	}
}

static void stop_done(struct write_op *op, enum err err)
{
	struct stop_op *s = (struct stop_op *)op;
	if (err == ERR_NONE)
		lane_stop(s->e, s->thread, STOP_BY_PERSON);
	free(s);
}

static const struct write_kind stop_kind = { .name = "stop", .rank = 7, .round = { stop_first }, .done = stop_done };

void engine_stop_run(struct engine *e, struct id ws, struct id thread)
{
	struct stop_op *s = xcalloc(1, sizeof(*s));
	s->op.kind = &stop_kind;
	s->op.ws = ws;
	s->e = e;
	s->thread = thread;
	writer_put(e->writer, &s->op);
}

bool engine_ready(struct engine *e, char *why, size_t n)
{
	bool connected = writer_connected(e->writer), ready = atomic_load(&e->ready);
	snprintf(why, n, "%s",
	    !ready          ? atomic_load(&e->draining) ? "stopping" : "starting"
	        : connected ? "ready"
	                    : "the database is away");
	return ready && connected;
}

void engine_status(struct engine *e, char *out, size_t n)
{
	char why[64];
	engine_ready(e, why, sizeof(why));
	snprintf(out, n, "state: %s\nanswers in work: %zu\nopen in memory: %zu\nwaiting to be stored: %zu\n", why,
	    atomic_load(&e->active_count), atomic_load(&e->runs_count), writer_backlog(e->writer));
}
