#ifndef EDDY_BASE_QUEUE_H
#define EDDY_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A bounded queue of pointers between threads.  Full is an answer, never an allocation.  Many producers, many consumers.
 * A consumer either waits in queue_take() or is woken by the ${wake} function when the queue stops being empty
 * (uv_async_send, for example); the wake function is called outside the lock, on the producer's thread.
 */
struct queue;
struct queue *queue_new(size_t capacity, void (*wake)(void *), void *wake_arg);
void queue_free(struct queue *q);            /* NULL is fine; items left in it are the caller's */
bool queue_put(struct queue *q, void *item); /* false: full or closed */
/** Takes up to ${max} items at once; waits up to ${wait_ms} for the first (0: do not wait, UINT32_MAX: for ever). */
size_t queue_take(struct queue *q, void **items, size_t max, uint32_t wait_ms);
void queue_close(struct queue *q); /* puts fail from now on, waiters return; what is in it can still be taken */
bool queue_closed(struct queue *q);
size_t queue_length(struct queue *q);

#endif
