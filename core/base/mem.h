#ifndef EDDY_BASE_MEM_H
#define EDDY_BASE_MEM_H

#include <stddef.h>

/*
 * Memory is allocated or the process stops: once accepted work is in Postgres a restart loses nothing.  Sizes that come
 * from outside are bounded before they get here.
 */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);            /* NULL stays NULL */
char *xstrndup(const char *s, size_t n); /* at most ${n} bytes, always terminated */

#endif
