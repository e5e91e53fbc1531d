#ifndef EDDY_WEB_VISITOR_H
#define EDDY_WEB_VISITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/err.h"

/*
 * Who comes by the widget: a visitor that nobody vouches for, known by a secret of ours in the browser, or a person that the host page's
 * server names in a signed token (identity.h).  Nothing is stored for either before the first message.  Loop thread only.
 */
struct buf;
struct settings;
struct visitors;
struct web_command;
struct web_fault;
struct web_login;

#define VISITOR_SECRET 47 /* characters: "ev1_" and 32 random bytes as base64url */

/** Would web.widget.* do?  ERR_INPUT: ${why} says what is wrong. */
enum err visitors_check(const struct settings *s, char *why, size_t why_n);
/** ${own_origin}: whom tokens are for unless web.widget.audience says otherwise; NULL: nobody.  Borrows both. */
struct visitors *visitors_new(const struct settings *s, const char *own_origin);
void visitors_free(struct visitors *v); /* NULL is fine */

/**
 * A hello that brings ${cmd->visitor} or ${cmd->identity}: its log-in (the caller's), or NULL and ${fault} says why not; with ${wait_ms} > 0 it is only
 * too early.  A new visitor's secret goes to ${secret}, which is "" otherwise.
 */
struct web_login *visitors_hello(struct visitors *v, const struct web_command *cmd, const char *address, uint64_t now_ms,
    int64_t wall_s, char secret[VISITOR_SECRET + 1], struct web_fault *fault, uint32_t *wait_ms);
/** May a guest's connection do one more thing that is stored?  0, or how many milliseconds to wait. */
uint32_t visitors_act(struct visitors *v, const struct web_login *l, const char *address, uint64_t now_ms);
/** A connection whose hello we let in has ended. */
void visitors_leave(struct visitors *v, const struct web_login *l, const char *address);
void visitors_sweep(struct visitors *v, uint64_t now_ms, int64_t wall_s);
/** Whose limits an address shares: an IPv6 network of 64 bits is one.  ${out} has 64 bytes. */
void visitors_address(const char *address, char out[64]);

#endif
