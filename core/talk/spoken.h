#ifndef EDDY_TALK_SPOKEN_H
#define EDDY_TALK_SPOKEN_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/*
 * What a model says, on its way out (docs/authority.md).  A text goes through here as it grows; what comes out is final:
 *
 *   links        to hosts that people of the house have named, that are allowed, or word for word as the run was told them; of others their
 *                host stays, as text, and of a link whose text names another host than it leads to, its text
 *   images       become links: nobody's client is to fetch them
 *   mentions     of everybody (@channel, @here, @everyone, <!…>) call nobody
 *   secrets      private keys, tokens in the forms of known issuers and the given ones are left out, the latter also where marks stand between their letters
 *   characters   that cannot be seen or turn the direction of a text are dropped, but for line ends, tabs and joiners of emoji
 *
 * It is the same whatever the pieces are in which the text comes.  Words are held back until they end.
 */
#define SPOKEN_WORD_MAX 8192 /* a longer one goes out in parts */

/* Which links may be said.  One thread at a time. */
struct spoken_links;
struct spoken_links *spoken_links_new(void);
void spoken_links_free(struct spoken_links *l); /* NULL is fine */
/** A host may be linked: "example.org", "*.example.org" (those below it) or "*" (all). */
void spoken_allow(struct spoken_links *l, const char *host);
/** Could there be a link in ${text}?  Quick. */
bool spoken_may_link(const char *text, size_t n);
/** Each link in ${text} may be said again as it is; ${trusted}: its author is of the house, so its host may be linked, but for what is quoted there. */
void spoken_learn(struct spoken_links *l, const char *text, size_t n, bool trusted);

struct spoken_counts {
	unsigned links, images, mentions, secrets, characters;
};
struct never;
struct spoken;
/** ${links} and ${secrets} (those of 8 bytes and more) are borrowed; ${links} NULL: every link may be said. */
struct spoken *spoken_new(const struct spoken_links *links, const char *const *secrets, size_t secrets_len);
/** Besides: values that are known by their digests alone (never.h); borrowed, NULL: none. */
void spoken_never(struct spoken *o, const struct never *never);
void spoken_free(struct spoken *o); /* NULL is fine */
/** The next ${n} bytes; what is certain now is appended to ${out}. */
void spoken_feed(struct spoken *o, const char *text, size_t n, struct buf *out);
/** The text has ended: the rest.  The next feed begins a new text. */
void spoken_end(struct spoken *o, struct buf *out);
/** What was held back is void, a new text begins. */
void spoken_reset(struct spoken *o);
/** How much was changed since it was made. */
struct spoken_counts spoken_counted(const struct spoken *o);

#endif
