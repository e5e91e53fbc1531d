#ifndef EDDY_BASE_EMBED_H
#define EDDY_BASE_EMBED_H

/*
 * Files that travel inside the binary: migrations/ and prompts/, made by scripts/embed.  Sorted by path as the Makefile names them
 * ("migrations/001_foundation.up.sql"); the list ends with a NULL path.  The text is followed by a zero byte at ${end}.
 */
struct embedded {
	const char *path;
	const char *text;
	const char *end;
};
extern const struct embedded embedded_files[];

#endif
