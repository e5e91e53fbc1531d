/* What the operator asks of the store about whom Eddy does not write to: for each mailbox of the settings in turn. */
#include "admin.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../core/base/buf.h"
#include "box.h"

typedef enum err (*admin_fn)(struct engine *e, struct id ws, const char *address, void *arg);

static enum err for_box(const struct settings *s, struct engine *e, admin_fn fn, void *arg)
{
	char address[320];
	struct id ws;
	if (!mail_address_normal(settings_str(s, "email.address"), address))
		return ERR_INPUT;
	enum err err = engine_install(e, email_ops.name, address, address, settings_bool(s, "email.shared"), &ws);
	return err == ERR_NONE ? fn(e, ws, address, arg) : err;
}

/* The last error other than "nothing to do"; ERR_INPUT when all have said that. */
static enum err for_all(const struct settings *s, struct engine *e, admin_fn fn, void *arg)
{
	const char *const *more;
	size_t n = settings_list(s, "email.mailboxes", &more);
	enum err all = for_box(s, e, fn, arg);
	for (size_t i = 0; i < n && (all == ERR_NONE || all == ERR_INPUT); i++) {
		char why[300];
		struct settings *own = email_load_more(more[i], why, sizeof(why));
		enum err one = own != NULL ? for_box(own, e, fn, arg) : ERR_INPUT;
		if (one != ERR_INPUT)
			all = one;
		settings_free(own);
	}
	return all;
}

static void add_row(void *arg, const struct stop_row *row)
{
	static const char *const kinds[] = { "", "undeliverable", "complaint", "unsubscribed", "by an operator" };
	char when[32];
	time_t at = (time_t)(row->at_ms / 1000);
	struct tm tm;
	gmtime_r(&at, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	buf_addf(arg, "%s  %-14s  %s  %s\n", when, kinds[row->kind >= 1 && row->kind <= 4 ? row->kind : 0], row->external_id,
	    row->detail);
}

static enum err list(struct engine *e, struct id ws, const char *address, void *arg)
{
	(void)address;
	return engine_stops(e, ws, email_ops.name, add_row, arg);
}

static bool key_of(const char *address, char key[320])
{
	char normal[320];
	if (!mail_address_normal(address, normal))
		return false;
	email_key(normal, key, 320);
	return true;
}

static enum err lift(struct engine *e, struct id ws, const char *address, void *arg)
{
	(void)address;
	return engine_stop_lift(e, ws, email_ops.name, arg, 0);
}

static enum err stop(struct engine *e, struct id ws, const char *address, void *arg)
{
	(void)address;
	return engine_stop_put(e, ws, email_ops.name, arg, STOP_OPERATOR, "asked for on the command line");
}

enum err email_admin_stops(const struct settings *s, struct engine *e, struct buf *out)
{
	return for_all(s, e, list, out);
}

enum err email_admin_allow(const struct settings *s, struct engine *e, const char *address)
{
	char key[320];
	return key_of(address, key) ? for_all(s, e, lift, key) : ERR_INPUT;
}

enum err email_admin_stop(const struct settings *s, struct engine *e, const char *address)
{
	char key[320];
	return key_of(address, key) ? for_all(s, e, stop, key) : ERR_INPUT;
}
