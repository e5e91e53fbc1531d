#ifndef EDDY_AUDIT_CHAIN_H
#define EDDY_AUDIT_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

struct buf;

/*
 * The audit log of a workspace as a chain (docs/adr/087-audit-chain.md).  Writers insert entries; audit_seal() numbers those that are committed
 * and links each to all before it: h(n) = SHA-256(0x01, h(n-1), n, length, payload), h(0) = 32 zero bytes.  The payload is JSON with sorted
 * keys, made from the entry's columns; people and details are in it as digests.
 */
#define CHAIN_HASH 32

/** One link: ${h} is h(n-1) before and h(n) after. */
void chain_link(uint8_t h[CHAIN_HASH], uint64_t n, const void *payload, size_t len);
/** The seal of a checkpoint: HMAC-SHA256(key, 0x02, n, h). */
void chain_mac(const void *key, size_t key_n, uint64_t n, const uint8_t h[CHAIN_HASH], uint8_t out[CHAIN_HASH]);
void chain_digest(const void *p, size_t n, uint8_t out[CHAIN_HASH]);

/* The columns of an entry that the payload is made of, in the order of CHAIN_COLUMNS; a is the table audit. */
#define CHAIN_COLUMNS \
	"a.id, a.verb, a.subject, a.thread_id, a.actor, a.about, a.detail_digest, a.facts::text, (extract(epoch FROM a.at) * 1000000)::int8"
enum { CHAIN_COLUMN_COUNT = 9 };
/** Append the payload of the entry whose CHAIN_COLUMNS begin at ${col}. */
void chain_payload(struct id ws, const PGresult *r, int row, int col, struct buf *out);

extern const struct pg_statement chain_statements[]; /* of workers */

struct audit_sealed {
	int64_t from, n;       /* number of the last entry before, and now */
	uint8_t h[CHAIN_HASH]; /* h(n) */
	bool more;             /* there was more than ${max} */
	/* every hundredth link on the way, for checkpoints */
	struct audit_link {
		int64_t n;
		uint8_t h[CHAIN_HASH];
	} * links;
	size_t links_len;
};
#define AUDIT_SEAL_MAX 2000
#define AUDIT_LINKS_EVERY 100
/**
 * Link what is committed and not linked yet, at most AUDIT_SEAL_MAX entries, in a transaction of its own.  ERR_RETRY: another process was
 * at it, or the database is away.  ${out->links} is the caller's to free.
 */
enum err audit_seal(struct pg *pg, struct id ws, struct audit_sealed *out);

#endif
