#ifndef EDDY_STORE_WRITE_QUEUE_H
#define EDDY_STORE_WRITE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "writer.h"

/*
 * What waits for the writer, by tenant: each tenant's operations in the order in which they came, tenants by turns.  A tenant has few waiting
 * when these are no more than WRITE_QUEUE_FEW, or than one in WRITE_QUEUE_PART of what the tenant with the most has (of a whole batch at
 * most), or the batch at work; else it has many.  Operations without a tenant (claims, heartbeats) may touch rows of
 * all.  Under the caller's lock.
 */
#define WRITE_QUEUE_FEW 2
#define WRITE_QUEUE_PART 4
#define WRITE_QUEUE_TENANTS 4 /* in a batch that others may go beside; one of more is a crowd's, not a flood's */
struct write_queue;
struct write_queue *write_queue_new(void);
void write_queue_free(struct write_queue *q); /* NULL is fine; what waits is the caller's */
void write_queue_put(struct write_queue *q, struct write_op *op);
/** Back to the head of their tenants, as they came, and never beside a batch again.  Sorts ${ops}. */
void write_queue_put_back(struct write_queue *q, struct write_op **ops, size_t n);
size_t write_queue_count(const struct write_queue *q);
/**
 * The next batch, at most ${max}: by turns, so that the backlog of one does not stand before the few operations of another.  With ${beside}
 * who has few is left for write_queue_pick_beside() when somebody has many, but not a crowd; what has no tenant then goes with those who have few before the
 * next batch, so that the long batches are those beside which others may go.
 */
size_t write_queue_pick(struct write_queue *q, bool beside, struct write_op **ops, size_t max);
/** May others go beside these, sorted by tenant?  They are of at least one tenant and of WRITE_QUEUE_TENANTS at most, and each has one. */
bool write_queue_lets_beside(struct write_op *const *ops, size_t n);
/** Of tenants that have few and are not among ${running}, which is sorted by tenant: at most ${max}; 0: nothing, or nobody may go beside those. */
size_t write_queue_pick_beside(
    struct write_queue *q, struct write_op *const *running, size_t running_len, struct write_op **ops, size_t max);
/** The first that waits, whoever's it is; NULL: nothing does. */
struct write_op *write_queue_take(struct write_queue *q);
/** Is an operation of ${ws} among ${ops}, which is sorted by tenant? */
bool write_queue_among(struct write_op *const *ops, size_t n, struct id ws);

#endif
