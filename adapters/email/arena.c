/*
 * Memory of one mail: blocks that grow and go all at once.
 */
#include <stdlib.h>

#include "../../core/base/mem.h"
#include "mail_internal.h"

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) char bytes[];
};
struct mail_arena {
	struct block *head;
};

static struct block *block_new(size_t size, struct block *next)
{
	struct block *b = xmalloc(sizeof *b + size);
	b->next = next;
	b->used = 0;
	b->size = size;
	return b;
}

struct mail_arena *mail_arena_new(size_t first)
{
	struct mail_arena *a = xmalloc(sizeof *a);
	a->head = block_new(first < 512 ? 512 : first, NULL);
	return a;
}

void mail_arena_free(struct mail_arena *a)
{
	if (a == NULL)
		return;
	for (struct block *b = a->head, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

static char *take(struct mail_arena *a, size_t n, size_t align)
{
	struct block *b = a->head;
	size_t at = (b->used + align - 1) & ~(align - 1);
	if (at > b->size || n > b->size - at) {
		size_t size = b->size < 65536 ? b->size * 2 : b->size;
		if (n >= size / 2) {
			/* A big one gets a block of its own behind the head, which goes on being filled. */
			struct block *own = block_new(n, b->next);
			own->used = n;
			b->next = own;
			return own->bytes;
		}
		b = a->head = block_new(size, b);
		at = 0;
	}
	b->used = at + n;
	return b->bytes + at;
}

void *mail_alloc(struct mail_arena *a, size_t n)
{
	char *p = take(a, n, _Alignof(max_align_t));
	memset(p, 0, n);
	return p;
}

char *mail_keep(struct mail_arena *a, const char *s, size_t n)
{
	char *p = take(a, n + 1, 1);
	if (n > 0)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}
