/*
 * A tree of rings.  A group is in the ring of its parent while something waits in or below it, at the end when it comes new, and goes to the end
 * after each turn; it is freed when nothing waits in it any more.
 */
#include "fair.h"

#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "mem.h"

struct fair_group {
	struct fair_group *parent, *prev, *next; /* the ring of the parent */
	struct fair_group *turn;                 /* of its own children: whose it is next */
	struct map *children;                    /* by id; NULL: it holds items */
	struct fair_item *head, **tail;
	struct id key;
	size_t count; /* items in and below it */
};
struct fair {
	struct fair_group root;
};

struct fair *fair_new(void)
{
	return xcalloc(1, sizeof(struct fair));
}

static void group_free(void *p)
{
	struct fair_group *g = p;
	map_free(g->children, group_free);
	free(g);
}

void fair_free(struct fair *f)
{
	if (f == NULL)
		return;
	map_free(f->root.children, group_free);
	free(f);
}

static struct fair_group *child(struct fair_group *of, struct id key)
{
	if (of->children == NULL)
		of->children = map_new();
	struct fair_group *g = map_get(of->children, key.b, sizeof key.b);
	if (g != NULL)
		return g;
	g = xcalloc(1, sizeof *g);
	g->parent = of;
	g->key = key;
	g->tail = &g->head;
	map_put(of->children, key.b, sizeof key.b, g);
	if (of->turn == NULL) {
		of->turn = g->prev = g->next = g;
	} else { /* before whose turn it is: last */
		g->next = of->turn;
		g->prev = of->turn->prev;
		g->prev->next = g->next->prev = g;
	}
	return g;
}

/* One thing less waits in ${g}; who is empty leaves. */
static void less(struct fair_group *g)
{
	while (g != NULL) {
		struct fair_group *parent = g->parent;
		g->count--;
		if (parent != NULL && g->count == 0) {
			if (parent->turn == g)
				parent->turn = g->next == g ? NULL : g->next;
			g->prev->next = g->next;
			g->next->prev = g->prev;
			map_remove(parent->children, g->key.b, sizeof g->key.b);
			group_free(g);
		}
		g = parent;
	}
}

void fair_put(struct fair *f, const struct id *path, size_t depth, struct fair_item *x)
{
	struct fair_group *g = &f->root;
	g->count++;
	for (size_t i = 0; i < depth; i++) {
		g = child(g, path[i]);
		g->count++;
	}
	x->next = NULL;
	x->in = g;
	*g->tail = x;
	g->tail = &x->next;
}

/* The last level's group whose turn it is in ${g}; NULL: nobody there may.  Who may not loses no turn worth having. */
static struct fair_group *pick(struct fair_group *g, size_t level, bool (*may)(void *arg, size_t level, struct id id), void *arg)
{
	struct fair_group *first = g->turn;
	if (first == NULL)
		return g;
	do {
		struct fair_group *c = g->turn;
		struct fair_group *x = may == NULL || may(arg, level, c->key) ? pick(c, level + 1, may, arg) : NULL;
		g->turn = c->next;
		if (x != NULL)
			return x;
	} while (g->turn != first);
	return NULL;
}

struct fair_item *fair_take_if(struct fair *f, bool (*may)(void *arg, size_t level, struct id id), void *arg)
{
	struct fair_group *g = f->root.turn != NULL ? pick(&f->root, 0, may, arg) : NULL;
	if (g == NULL)
		return NULL;
	struct fair_item *x = g->head;
	g->head = x->next;
	if (g->head == NULL)
		g->tail = &g->head;
	x->in = NULL;
	less(g);
	return x;
}

struct fair_item *fair_take(struct fair *f)
{
	return fair_take_if(f, NULL, NULL);
}

void fair_remove(struct fair *f, struct fair_item *x)
{
	(void)f;
	struct fair_group *g = x->in;
	if (g == NULL)
		return;
	struct fair_item **p = &g->head;
	while (*p != x)
		p = &(*p)->next;
	*p = x->next;
	if (g->tail == &x->next)
		g->tail = p;
	x->in = NULL;
	less(g);
}

size_t fair_count(const struct fair *f)
{
	return f->root.count;
}
