#ifndef EDDY_FAKES_SLACK_H
#define EDDY_FAKES_SLACK_H

#include "kit.h"

/*
 * A fake Slack: Socket Mode and the Web API with the rules that clients get wrong, faults on demand, and a memory of everything
 * that happened.  It is driven through /control/ (slack_control.c lists the commands) and runs in one thread.
 */
enum { ID_ROOM = 32, TS_ROOM = 24 };
enum stream_state { STREAM_NONE, STREAM_OPEN, STREAM_ENDED, STREAM_EXPIRED, STREAM_STOPPED };

struct message {
	char ts[TS_ROOM], thread_ts[TS_ROOM], user[ID_ROOM];
	bool bot, deleted, edited;
	int app; /* that a bot's message is of */
	enum stream_state stream;
	uint64_t stream_from_us;
	int calls_open; /* calls for this message that were not answered yet */
	struct kit_buf text;
	json_t *blocks, *metadata, *files;
};
struct channel {
	char id[ID_ROOM], name[80], type[8], team[ID_ROOM]; /* type: channel, group, im, mpim */
	bool private, external, archived, member;
	struct message **list;
	size_t len, room;
	struct channel *next;
};
struct event {
	size_t n;
	char id[ID_ROOM], channel[ID_ROOM], ts[TS_ROOM];
	const char *type; /* events_api, interactive, slash_commands */
	char *payload;    /* NULL once it cannot be needed again */
	int attempt;      /* of the last delivery */
	int app;          /* whose links it goes to */
	unsigned link;    /* that carried it */
	int deliveries, acks;
	bool skip_first, retried;
	uint64_t made_us, sent_us, acked_us;
	struct kit_timer *retry;
};
struct fake {
	int port, which; /* which: the app that the fake is just now; 0 the first */
	char team[ID_ROOM], bot_user[ID_ROOM], bot_id[ID_ROOM], app[ID_ROOM], scopes[1024];
	char link_url[100]; /* where links are opened: of who stands in front, "" for none */
	/* options: /control/options and the command line */
	int64_t stream_end_ms, ping_ms, close_ms, owed_ms, refresh_every_ms, cut_every_ms, history_max, update_max, links_max;
	int64_t retry_ms[3];
	bool echo, journal, keep, limits, chatter; /* chatter: what one app says, the other hears as if it was named */
	double p429, p500;                         /* shares of chat.postMessage */
	struct event **events;
	size_t events_len, events_room;
	uint64_t calls, acks, late_acks, violations_len;
	json_t *violations, *users, *statuses, *views, *ephemerals, *responses, *reactions;
	json_t *modals;  /* forms that were opened, in order */
	json_t *answers; /* what acknowledgements said to forms, by event id */
};
extern struct fake fake;

/* slack_store.c */
struct channel *channel_find(const char *id); /* NULL: none of that name yet */
struct channel *channel_get(const char *id);  /* made on first use, its kind by its letter */
struct message *message_find(struct channel *c, const char *ts);
struct message *message_new(struct channel *c, const char *user, const char *thread_ts, bool bot);
json_t *message_json(const struct channel *c, const struct message *m, bool metadata);
void next_ts(char out[TS_ROOM]);
void channels_each(void (*fn)(struct channel *c, void *arg), void *arg);
size_t text_units(const char *s);                                            /* UTF-16 units */
void journal(const char *format, ...) __attribute__((format(printf, 1, 2))); /* one JSON object without braces */
json_t *journal_read(size_t from, size_t limit);
void violation(const char *what, const char *where);

/* slack_socket.c */
void socket_open(const struct kit_request *r); /* GET /link */
int socket_count(void);
struct event *event_push(
    const char *type, const char *event_id, char *payload_taken, const char *channel, const char *ts, bool skip_first);
void event_send(struct event *e, int attempt);    /* once more, over any link */
void socket_tell(const char *what, kit_id which); /* refresh, warning, cut, close, freeze, thaw, disable, too_many; 0: all */
void socket_raw(const char *s, size_t n, bool binary, size_t piece);
json_t *socket_list(void);
const char *new_event_id(void);
/** Wraps an inner event into the outer callback and pushes it. */
struct event *event_callback(json_t *inner_taken, const char *channel, const char *ts, bool skip_first);

/* slack_api.c: one call, its rules, its faults */
void api_request(const struct kit_request *r, const char *method);
bool fault_add(const json_t *f); /* false: not understood */
void faults_clear(void);
void message_echo(const struct channel *c, const struct message *m);

/* slack_methods.c: what the methods do */
struct call {
	kit_id conn;
	char method[64], channel[ID_ROOM], token[200], team[ID_ROOM];
	json_t *args;
	struct message *message; /* the one that a stream or edit call is about */
	int app;
	uint64_t at_us;
	int status;       /* of a fault after the act: 0 none, -1 no answer */
	char ts[TS_ROOM]; /* of the result, for the journal */
};
json_t *method_run(struct call *c);
json_t *fail(const char *error);
const char *check_blocks(const json_t *blocks); /* NULL: Slack would take them */

/* slack_teams.c: several workspaces */
void team_enter(const char *id); /* from here on the fake is that workspace; "": the first */
void team_leave(void);
const char *team_of_token(const char *token, char team[ID_ROOM]); /* NULL: good; else the error of its calls */
json_t *oauth_access(const json_t *args);
json_t *auth_revoke(const char *token);
json_t *apps_uninstall(struct call *c);
bool team_control(const char *what, const json_t *a, json_t **out);

/* slack_apps.c: a second app in the first workspace; the first is 0, the second 1 */
int app_of_token(const char *token);
int app_of_id(const char *id);
int app_of_user(const char *id); /* of its bot user, or of its bot */
void app_came(int which);        /* it has opened a link: from now on it hears what is said */
void app_enter(int which);       /* from here on the fake is that app */
void app_leave(void);
const char *app_bot(int which);
const char *app_id(int which);
/** What the other app hears of a message; nothing before it has come. */
void app_others_hear(const struct channel *c, const struct message *m);

/* slack_views.c: shortcuts, buttons, forms, response_url */
const char *trigger_new(void);
const char *check_actions(const json_t *block);
json_t *views_open(struct call *c);
const char *response_url(const char *channel, const char *ts);
void response_request(const struct kit_request *r, const char *id);
json_t *press_shortcut(const json_t *a);
json_t *press_button(const json_t *a);
json_t *press_submit(const json_t *a);
void form_answered(const struct event *e, const json_t *payload);

/* slack_control.c */
void options_apply(const json_t *o);
void control_request(const struct kit_request *r, const char *what);

/* load.c */
bool load_control(const struct kit_request *r, const char *what, json_t *args);
void load_acked(const struct event *e);
void load_visible(const char *channel, const char *thread_ts, const char *text, size_t n, bool complete);
extern bool load_on;

#endif
