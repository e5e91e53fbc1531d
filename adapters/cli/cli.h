#ifndef EDDY_CLI_H
#define EDDY_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/engine/engine.h"
#include "../../core/settings/settings.h"

struct guests;
struct http;
struct loop;
struct metrics;
struct buf;

/* Exit codes of the program. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_SETTINGS = 3,
	EXIT_NO_SERVER = 4,
	EXIT_DIFFERENT = 5,
	EXIT_INTERRUPTED = 130
};

/* A way in and out: one row per adapter in main.c, the only place that knows them all. */
struct door_options { /* all borrowed; they outlive the adapter */
	const struct settings *settings;
	struct metrics *metrics;
	struct engine *engine;
	struct loop *loop;
	struct http *http;
	struct guests *guests; /* addresses on the HTTP server */
	const char *data_dir;
	bool insecure;
};
struct door {
	const char *name;
	const struct adapter_ops *ops;
	const struct setting *settings;
	const char *how; /* one line: how to connect it */
	bool (*configured)(const struct settings *s);
	/** Early, before anything is started.  ERR_INPUT: ${why}. */
	enum err (*check)(const struct settings *s, bool insecure, char *why, size_t why_n);
	enum err (*open)(
	    struct adapter **out, const struct door_options *o, char *why, size_t why_n); /* before engine_start(), loop_start() */
	void (*start)(struct adapter *a);                                                 /* after both */
	void (*stop)(struct adapter *a);                                                  /* nothing new from here on */
	void (*leave)(struct adapter *a); /* after the engine has drained, before loop and http stop: let go of what goes out */
	void (*free)(struct adapter *a);  /* after engine, loop and http; NULL is fine */
	/** A link that logs the person of this terminal in, where people can; may be NULL.  Blocking; after start. */
	enum err (*link)(struct adapter *a, struct buf *out);
	/** For doctor: a line per finding, "ok …" or "bad …"; may be NULL. */
	enum err (*doctor)(const struct settings *s, struct http *http, struct buf *out);
};

/* A raw mail, and what the command line says about who we are. */
struct cli_mail_input {
	const char *raw;
	size_t len;
	bool cut;                        /* only the beginning of a bigger one */
	const struct settings *settings; /* what is not said here is theirs; NULL: there are none */
	const char *const *own_addresses;
	size_t own_len;
	const char *const *trusted_hosts;
	size_t trusted_len;
};

/* What the mail adapter does for the command line. */
struct cli_mail {
	/** One mail as JSON, or its visible text.  ERR_INPUT: it is no mail. */
	enum err (*show)(const struct cli_mail_input *in, struct buf *out);
	enum err (*text)(const struct cli_mail_input *in, struct buf *out);
	bool (*configured)(const struct settings *s);
	enum err (*stops)(const struct settings *s, struct engine *e, struct buf *out);
	enum err (*stop)(const struct settings *s, struct engine *e, const char *address);
	enum err (*allow)(const struct settings *s, struct engine *e, const char *address);
};

/* What the Slack adapter does for the command line (adapters/slack/admin.h). */
struct cli_slack {
	enum err (*workspaces)(struct engine *e, struct buf *out);
	enum err (*remove)(const struct settings *s, struct engine *e, struct http *http, const char *id, struct buf *out);
	enum err (*check)(const struct settings *s, struct engine *e, struct http *http, struct buf *out);
};

/* What the command line said. */
struct cli {
	const struct door *doors;            /* ends with a NULL name */
	const struct setting *const *tables; /* core and all doors */
	void (*slack_manifest)(const struct settings *s, struct buf *out);
	const struct cli_mail *mail;
	const struct cli_slack *slack;
	const char *config_file;
	char **overrides; /* "name=value", NULL-terminated; ours */
	size_t overrides_len;
	bool verbose, insecure, link, replace;
	const char *url, *thread;                    /* chat; thread: replay authority too */
	const char *since, *until;                   /* audit export, replay authority */
	const char *person, *run, *limit;            /* replay authority */
	bool json;                                   /* the same */
	const char **own_addresses, **trusted_hosts; /* mail show */
	size_t own_len, trusted_len;
	bool unit;                 /* team create */
	const char *slug;          /* team create, rename */
	const char *lock, *unlock; /* team set: keys between commas */
	const char *days;          /* key issue */
	const char *receipt;       /* erase */
	const char *yes;           /* erase workspace */
	bool dry;                  /* the same */
	bool own_key;              /* key issue */
	bool erase;                /* provision remove */
	int argc;                  /* operands */
	char **argv;
	struct settings *settings; /* after cli_settings() */
	char *data_dir;
};

/** Load the settings once; prints every problem to stderr.  EXIT_OK or EXIT_SETTINGS. */
int cli_settings(struct cli *c);
/** Where Eddy keeps its files: data_dir, else /var/lib/eddy for root, ~/.local/share/eddy for others.  After cli_settings(). */
const char *cli_data_dir(struct cli *c);
/** The server of these settings, as seen from this machine; where nobody chose a port, the one it has found.  After cli_settings(). */
struct probe;
bool cli_server(struct cli *c, struct probe *out);
/** The token that the server here has written for programs of its user; complains when it may not be read. */
bool cli_local_token(struct cli *c, char *out, size_t n);
/** For doctor: one finding; false: something is wrong.  After cli_settings(), with a database that opens. */
bool cli_audit_doctor(struct cli *c, struct buf *out);
bool cli_secret_doctor(struct cli *c, struct buf *out);
/** From now on the settings' secrets are written nowhere; before threads are made. */
void cli_hide(struct cli *c);
/**
 * Settings that are sealed in the database join those that are set; before threads are made.  ${url}: of an open database, else one is opened.  ERR_INPUT: one of
 * them does not open or does not fit, ${why} says which.
 */
enum err cli_unseal(struct cli *c, const char *url, char *why, size_t why_n);
/** Whether there may be any: there is a master key. */
bool cli_may_unseal(struct cli *c);
/** API keys that end within a week.  False: they cannot be listed. */
bool cli_key_doctor(struct cli *c, struct buf *out);
/** What limits are set and who is being held back now; nothing: it is not known. */
void cli_roles_doctor(struct cli *c, struct buf *out);
bool cli_runtime_doctor(struct cli *c, struct buf *out);
void cli_limits_doctor(struct cli *c, struct buf *out);
/** A line for each workspace, "ok …" or "bad …". */
void cli_workspace_doctor(struct cli *c, struct http *http, struct buf *out);
bool cli_erased_doctor(struct cli *c, struct buf *out);
bool cli_retention_doctor(struct cli *c, struct buf *out);
bool cli_hold_doctor(struct cli *c, struct buf *out);
/** After a restore: the checkpoints of the audit log learn how far it goes now.  After cli_settings(); complains. */
bool cli_audit_restored(struct cli *c);
/** After a restore: what was erased since the backup is erased again.  After cli_settings(); complains. */
bool cli_erased_again(struct cli *c, struct buf *out);
/** Print "eddy: …" to stderr. */
void cli_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** May colours be used on ${fd}? */
bool cli_colour(int fd);

int cmd_serve(struct cli *c);
int cmd_chat(struct cli *c);
int cmd_login(struct cli *c);
int cmd_doctor(struct cli *c);
int cmd_healthcheck(struct cli *c);
int cmd_migrate_up(struct cli *c);
int cmd_migrate_down(struct cli *c);
int cmd_migrate_status(struct cli *c);
int cmd_backup(struct cli *c);
int cmd_restore(struct cli *c);
int cmd_config_check(struct cli *c);
int cmd_config_print(struct cli *c);
int cmd_config_sample(struct cli *c);
int cmd_config_reference(struct cli *c);
int cmd_config_get(struct cli *c);
int cmd_data_kinds(struct cli *c);
int cmd_export(struct cli *c);
int cmd_erase(struct cli *c);
int cmd_erase_workspace(struct cli *c);
int cmd_secret_set(struct cli *c);
int cmd_secret_list(struct cli *c);
int cmd_secret_remove(struct cli *c);
int cmd_secret_rotate(struct cli *c);
int cmd_audit_verify(struct cli *c);
int cmd_audit_export(struct cli *c);
int cmd_audit_find(struct cli *c);
int cmd_replay_authority(struct cli *c);
int cmd_slack_manifest(struct cli *c);
int cmd_workspace_list(struct cli *c);
int cmd_workspace_remove(struct cli *c);
int cmd_mail_show(struct cli *c);
int cmd_mail_text(struct cli *c);
int cmd_mail_stops(struct cli *c);
int cmd_mail_stop(struct cli *c);
int cmd_mail_allow(struct cli *c);
int cmd_call(struct cli *c);
int cmd_api_openapi(struct cli *c);
int cmd_prompt_list(struct cli *c);
int cmd_prompt_show(struct cli *c);
int cmd_key_issue(struct cli *c);
int cmd_key_list(struct cli *c);
int cmd_key_revoke(struct cli *c);
int cmd_budget_list(struct cli *c);
int cmd_budget_set(struct cli *c);
int cmd_usage(struct cli *c);
int cmd_team_list(struct cli *c);
int cmd_team_create(struct cli *c);
int cmd_team_rename(struct cli *c);
int cmd_team_move(struct cli *c);
int cmd_team_archive(struct cli *c);
int cmd_team_places(struct cli *c);
int cmd_team_assign(struct cli *c);
int cmd_team_invite(struct cli *c);
int cmd_team_settings(struct cli *c);
int cmd_team_set(struct cli *c);
int cmd_team_unset(struct cli *c);
int cmd_team_history(struct cli *c);
int cmd_team_restore(struct cli *c);
int cmd_change_list(struct cli *c);
int cmd_change_approve(struct cli *c);
int cmd_change_reject(struct cli *c);
int cmd_route_put(struct cli *c);
int cmd_route_remove(struct cli *c);
int cmd_approval_list(struct cli *c);
int cmd_approval_grant(struct cli *c);
int cmd_approval_refuse(struct cli *c);
int cmd_route_list(struct cli *c);
int cmd_route_test(struct cli *c);
int cmd_provision_plan(struct cli *c);
int cmd_provision_apply(struct cli *c);
int cmd_provision_status(struct cli *c);
int cmd_provision_remove(struct cli *c);
int cmd_limits(struct cli *c);
int cmd_retention(struct cli *c);
int cmd_hold_add(struct cli *c);
int cmd_hold_list(struct cli *c);
int cmd_hold_end(struct cli *c);
int cmd_place_allow(struct cli *c);
int cmd_place_deny(struct cli *c);
int cmd_place_list(struct cli *c);
int cmd_password_link(struct cli *c);
int cmd_password_set(struct cli *c);
int cmd_password_remove(struct cli *c);
int cmd_session_list(struct cli *c);
int cmd_session_end(struct cli *c);
int cmd_session_end_of(struct cli *c);
int cmd_member_list(struct cli *c);
int cmd_member_put(struct cli *c);
int cmd_member_remove(struct cli *c);
int cmd_version(struct cli *c);
int cmd_help(struct cli *c);
int cmd_help_man(struct cli *c);
int cmd_help_completion(struct cli *c);

#endif
