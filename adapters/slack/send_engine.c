/* The sender's port on the real engine, apart so that the sender can be tested without one. */
#include "buttons.h"
#include "send.h"
#include "slack_internal.h"

static void engine_sent_port(void *arg, const struct sent *s)
{
	engine_sent(((struct slack *)arg)->engine, s);
}
static void engine_opening_port(void *arg, struct id ws, struct id delivery, void (*ready)(void *, bool), void *ready_arg)
{
	engine_stream_opening(((struct slack *)arg)->engine, ws, delivery, ready, ready_arg);
}
static void engine_opened_port(void *arg, struct id ws, struct id delivery, const char *ref)
{
	engine_stream_opened(((struct slack *)arg)->engine, ws, delivery, ref);
}
static void engine_held_port(void *arg, struct id ws, struct id delivery, uint32_t ms)
{
	engine_held(((struct slack *)arg)->engine, ws, delivery, ms);
}
static bool engine_certain_port(void *arg)
{
	return engine_certain(((struct slack *)arg)->engine);
}
static void shown_port(void *arg, struct id ws, struct id thread, const char *channel, const char *ts, bool buttons)
{
	struct slack *s = arg;
	buttons_answered(s->buttons, ws, thread, ts);
	if (buttons)
		buttons_seen(s->buttons, ws, thread, channel, ts);
}
static const struct slack_self *self_port(void *arg)
{
	return atomic_load(&((struct slack *)arg)->self);
}

struct slack_out_port slack_out_engine(struct slack *s)
{
	return (struct slack_out_port){ .arg = s,
		.sent = engine_sent_port,
		.stream_opening = engine_opening_port,
		.stream_opened = engine_opened_port,
		.held = engine_held_port,
		.certain = engine_certain_port,
		.shown = shown_port,
		.self = self_port };
}
