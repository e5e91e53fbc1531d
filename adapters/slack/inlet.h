#ifndef EDDY_SLACK_INLET_H
#define EDDY_SLACK_INLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct slack;
struct sock_ticket;
struct slack_inlet;

/* From a frame to the engine and back to its acknowledgement.  Loop thread. */
struct slack_inlet *inlet_new(struct slack *s);
/** slack->self is known from here on: events are taken. */
void inlet_begin(struct slack_inlet *in);
void inlet_free(struct slack_inlet *in); /* after loop, http and engine have stopped; NULL is fine */
/** What sock_port.on_event says; takes the ticket. */
void inlet_event(struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev);
/** A message read back from history.  False: the engine's queue is full, try again later. */
bool inlet_late(struct slack_inlet *in, const struct slack_event *ev);
/**
 * Called on the loop thread when the database answers again after having been away for longer than Slack keeps trying; since when,
 * wall clock.
 */
void inlet_on_gap(struct slack_inlet *in, void (*fn)(void *arg, uint64_t since_ms), void *arg);

#endif
