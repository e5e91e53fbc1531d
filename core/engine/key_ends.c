#include "key_ends.h"

#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/tz.h"
#include "../people/keys.h"
#include "admins.h"
#include "command.h"

#define ROUND_MAX 50 /* keys; those that end first, the others with the next round */
#define HOUR_MS 3600000
#define DAY_MS (24 * (int64_t)HOUR_MS)

struct ending {
	struct engine *e;
	struct id ws;
	struct admins_word *word;
	int64_t now_ms, left_ms;
	struct id node;
	int reached;
	bool told; /* it was still to be told */
	enum err err;
};

static void put_day(struct buf *md, int64_t ms)
{
	struct tz_time t;
	tz_local(NULL, (uint64_t)ms, &t);
	buf_addf(md, "%d %s %d", t.day, tz_month(t.month), t.year);
}

static void put_left(struct buf *md, int64_t left_ms)
{
	int64_t days = (left_ms + DAY_MS / 2) / DAY_MS, hours = (left_ms + HOUR_MS / 2) / HOUR_MS;
	if (hours > 36)
		buf_addf(md, "in %lld days", (long long)days);
	else if (hours > 1)
		buf_addf(md, "in %lld hours", (long long)hours);
	else
		buf_add_str(md, "within the hour");
}

/* Names are people's words, so none of them stands in a line that is meant to be copied into a terminal. */
static void put_words(struct buf *md, const struct key_info *k, int64_t left_ms)
{
	struct tz_time t;
	char id[ID_TEXT];
	bool first = true;
	tz_local(NULL, (uint64_t)k->expires_ms, &t);
	buf_add_str(md, "The API key **");
	command_put_name(md, k->name);
	buf_add_str(md, "** (`");
	key_put_beginning(md, k->id);
	buf_addf(md, "`, of `%s`) ends on ", k->node_slug);
	put_day(md, k->expires_ms);
	buf_addf(md, " at %02d:%02d UTC, ", t.hour, t.minute);
	put_left(md, left_ms);
	if (k->used_ms == 0) {
		buf_add_str(md, ". It was never used");
	} else {
		buf_add_str(md, ". It was last used on ");
		put_day(md, k->used_ms);
	}
	buf_addf(md, ".\n\nKeys are not prolonged. If a program still needs it, make the next one with `eddy key issue%s NAME %s ",
	    id_is_none(k->person) ? "" : " --own", role_name(k->role));
	for (unsigned bit = 1; bit <= SCOPE_ALL; bit <<= 1)
		if (k->scopes & bit) {
			buf_addf(md, "%s%s", first ? "" : ",", scope_name(bit));
			first = false;
		}
	buf_addf(md, " %s`, give it to the program, and then revoke this one: `eddy key revoke %s`.", k->node_slug,
	    id_format(k->id, id));
}

static void tell(void *arg, const struct key_info *k)
{
	struct ending *x = arg;
	struct buf md = BUF_INIT, name = BUF_INIT;
	char id[ID_TEXT];
	x->told = true;
	x->node = k->node;
	x->left_ms = k->expires_ms - x->now_ms;
	put_words(&md, k, x->left_ms);
	/* Not by our clock: if that is slow, the second word would go by the name of the first, and nobody would hear it. */
	buf_addf(&name, "key %s %s", id_format(k->id, id), k->last_word ? "day" : "week");
	x->err = admins_tell(x->word, k->node, k->issued_by, name.p, md.p, md.len, &x->reached);
	buf_done(&md);
	buf_done(&name);
}

static enum err tell_of(struct engine *e, struct pg *pg, struct id ws, uint64_t ahead_ms, struct id key)
{
	struct ending x = { .e = e, .ws = ws, .now_ms = (int64_t)(clock_wall_ms() + ahead_ms) };
	enum err err = pg_begin(pg, ws);
	if (err != ERR_NONE)
		return err;
	x.word = admins_word(e, pg, ws);
	err = key_warn(pg, ws, ahead_ms, key, tell, &x);
	err = pg_end(pg, err == ERR_NONE ? x.err : err);
	admins_told(x.word, err == ERR_NONE);
	if (x.told)
		log_warn("key.expires", LF_ID("key", key), LF_ID("node", x.node), LF_INT("hours", x.left_ms / HOUR_MS),
		    LF_INT("told", err == ERR_NONE ? x.reached : 0), LF_STR("result", err_name(err)));
	return err;
}

enum err key_ends_round(struct engine *e, struct pg *pg, struct id ws, uint64_t ahead_ms)
{
	struct id due[ROUND_MAX];
	size_t n = 0;
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, key_due(pg, ws, ahead_ms, due, ROUND_MAX, &n));
	/* One that cannot be told keeps the others waiting no longer than this round. */
	for (size_t i = 0; i < n && err != ERR_RETRY && !atomic_load(&e->draining); i++)
		err = tell_of(e, pg, ws, ahead_ms, due[i]);
	return err == ERR_RETRY ? err : ERR_NONE;
}
