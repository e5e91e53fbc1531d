/*
 * The document's arena and the operations on its nodes.  Nodes and strings are never freed one by one; an arena grows by chunks that
 * double up to 64 kB, so that a short answer costs one allocation.
 */
#include "doc.h"

#include <stdlib.h>
#include <string.h>

#include "../base/mem.h"
#include "doc_internal.h"

struct doc_chunk {
	struct doc_chunk *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};
void *doc_alloc(struct doc *d, size_t n)
{
	n = (n + 15) & ~(size_t)15;
	struct doc_chunk *c = d->chunks;
	if (c->size - c->used < n) {
		size_t size = c->size * 2 < 65536 ? c->size * 2 : 65536;
		if (size < n)
			size = n;
		c = xmalloc(sizeof *c + size);
		c->next = d->chunks;
		c->used = 0;
		c->size = size;
		d->chunks = c;
	}
	void *p = c->bytes + c->used;
	c->used += n;
	return p;
}

struct doc *doc_new(size_t hint)
{
	size_t size = (hint + 1024 + 15) & ~(size_t)15;
	if (size > 65536)
		size = 65536;
	struct doc *d = xmalloc(sizeof *d);
	d->chunks = xmalloc(sizeof *d->chunks + size);
	d->chunks->next = NULL;
	d->chunks->used = 0;
	d->chunks->size = size;
	d->root = doc_add(d, NULL, DOC_ROOT);
	return d;
}

void doc_free(struct doc *d)
{
	if (!d)
		return;
	for (struct doc_chunk *c = d->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(d);
}

const struct doc_node *doc_root(const struct doc *d)
{
	return d->root;
}

const char *doc_copy(struct doc *d, const char *s, size_t n)
{
	char *p = doc_alloc(d, n + 1);
	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

struct doc_node *doc_add(struct doc *d, struct doc_node *parent, enum doc_type type)
{
	struct doc_node *n = doc_alloc(d, sizeof *n);
	*n = (struct doc_node){ .type = type, .parent = parent, .prev = parent ? parent->last : NULL };
	if (parent) {
		if (parent->last)
			parent->last->next = n;
		else
			parent->first = n;
		parent->last = n;
	}
	return n;
}

struct doc_node *doc_add_copy(struct doc *d, struct doc_node *parent, const struct doc_node *from)
{
	struct doc_node *n = doc_add(d, parent, from->type), *prev = n->prev;
	*n = *from;
	n->parent = parent;
	n->prev = prev;
	n->first = n->last = n->next = NULL;
	if (from->text)
		n->text = doc_copy(d, from->text, from->text_len);
	if (from->href)
		n->href = doc_copy(d, from->href, from->href_len);
	if (from->info)
		n->info = doc_copy(d, from->info, from->info_len);
	return n;
}

struct doc_node *doc_add_tree(struct doc *d, struct doc_node *parent, const struct doc_node *from)
{
	struct doc_node *n = doc_add_copy(d, parent, from);
	for (const struct doc_node *c = from->first; c; c = c->next)
		doc_add_tree(d, n, c);
	return n;
}

bool doc_is_inline(enum doc_type type)
{
	return type >= DOC_TEXT;
}

bool doc_is_break(const struct doc_node *n)
{
	return n && (n->type == DOC_BREAK || n->type == DOC_SOFT_BREAK);
}

void doc_cut(struct doc_node *n)
{
	struct doc_node *parent = n->parent;
	if (n->prev)
		n->prev->next = n->next;
	else
		parent->first = n->next;
	if (n->next)
		n->next->prev = n->prev;
	else
		parent->last = n->prev;
	n->next = n->prev = NULL;
}

void doc_insert(struct doc_node *parent, struct doc_node *prev, struct doc_node *n)
{
	n->parent = parent;
	n->prev = prev;
	n->next = prev ? prev->next : parent->first;
	if (prev)
		prev->next = n;
	else
		parent->first = n;
	if (n->next)
		n->next->prev = n;
	else
		parent->last = n;
}

static bool only_plain(const struct doc_node *n)
{
	for (const struct doc_node *c = n->first; c; c = c->next) {
		bool good = c->type == DOC_PARAGRAPH || c->type == DOC_TEXT || c->type == DOC_LINK || doc_is_break(c);
		if (!good || !only_plain(c))
			return false;
	}
	return true;
}

bool doc_is_plain(const struct doc *d)
{
	return only_plain(d->root);
}
