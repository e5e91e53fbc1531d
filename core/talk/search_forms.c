/*
 * Forms of words.  What is stored knows no language, so a query names the forms: the endings of a language on the word's stem, as far as the
 * dictionary takes them for the same word.  Prefixes would be simpler, but an index collects what begins so in all tenants before anything
 * else narrows it.
 */
#include <string.h>

#include "highlight.h"
#include "search_internal.h"

/* Endings that words of a language have; which of them fit a stem is for its dictionary to say. */
#define ENDINGS_MAX 24
static const struct {
	const char *name, *dictionary, *endings[ENDINGS_MAX];
} languages[] = {
	{ "english", "pg_catalog.english_stem",
	    { "", "s", "es", "e", "ed", "er", "ers", "ing", "ings", "ion", "ions", "ive", "ly", "est", "ness", "ment", "ments",
	        "al", "y" } },
	{ "german", "pg_catalog.german_stem",
	    { "", "e", "en", "er", "es", "em", "ern", "n", "s", "t", "te", "ten", "et", "st", "end", "ung", "ungen", "ig", "lich",
	        "heit", "keit", "isch" } },
	{ "french", "pg_catalog.french_stem",
	    { "", "e", "es", "s", "er", "ez", "ee", "ees", "ons", "ent", "ait", "ant", "ement", "ements", "ation", "ations", "eur",
	        "if", "ive", "ion" } },
	{ "spanish", "pg_catalog.spanish_stem",
	    { "", "o", "a", "os", "as", "es", "e", "ar", "er", "ir", "ado", "ada", "ados", "adas", "an", "en", "aba", "cion",
	        "ciones", "ando", "amos", "mente" } },
	{ "italian", "pg_catalog.italian_stem",
	    { "", "o", "a", "i", "e", "are", "ere", "ire", "ato", "ata", "ati", "ate", "ando", "ano", "zione", "zioni", "mente" } },
	{ "portuguese", "pg_catalog.portuguese_stem",
	    { "", "o", "a", "os", "as", "e", "es", "ar", "er", "ir", "ado", "ada", "ados", "adas", "am", "em", "ando", "cao",
	        "coes", "mente" } },
	{ "dutch", "pg_catalog.dutch_stem",
	    { "", "e", "en", "s", "t", "te", "ten", "de", "den", "er", "ers", "ing", "ingen", "lijk", "heid" } },
	{ "danish", "pg_catalog.danish_stem",
	    { "", "e", "er", "en", "et", "ene", "erne", "es", "s", "ede", "ende", "ere", "hed" } },
	{ "norwegian", "pg_catalog.norwegian_stem", { "", "e", "er", "en", "et", "ene", "a", "s", "ede", "te", "ende", "het" } },
	{ "swedish", "pg_catalog.swedish_stem",
	    { "", "a", "ar", "er", "or", "en", "et", "n", "na", "arna", "erna", "orna", "s", "ade", "ande", "het" } },
	{ "finnish", "pg_catalog.finnish_stem",
	    { "", "n", "a", "t", "ssa", "sta", "lla", "lta", "lle", "ksi", "na", "en", "in", "iin", "jen" } },
	{ "hungarian", "pg_catalog.hungarian_stem",
	    { "", "k", "t", "ok", "ek", "ak", "ban", "ben", "ra", "re", "nak", "nek", "val", "vel", "hoz" } },
	{ "romanian", "pg_catalog.romanian_stem",
	    { "", "a", "e", "i", "ul", "ului", "ele", "ilor", "are", "at", "ata", "ati", "esc" } },
	{ "russian", "pg_catalog.russian_stem",
	    { "", "а", "я", "ы", "и", "у", "ю", "е", "о", "ом", "ем", "ой", "ов", "ам", "ах", "ть", "ет", "ый", "ая", "ое" } },
	{ "turkish", "pg_catalog.turkish_stem",
	    { "", "i", "u", "a", "e", "lar", "ler", "da", "de", "dan", "den", "in", "un", "im", "um" } },
};

/* Two arrays side by side: dictionary and ending.  False: there is none. */
static bool args_endings(struct pg_args *args, const struct search_query *q)
{
	bool any = false;
	for (int array = 0; array < 2; array++) {
		pg_array_begin(args, PG_TEXT);
		for (size_t i = 0; i < q->languages_len; i++) {
			for (size_t k = 0; k < sizeof languages / sizeof languages[0]; k++) {
				if (strcasecmp(q->languages[i], languages[k].name) != 0)
					continue;
				for (size_t n = 0; n < ENDINGS_MAX && languages[k].endings[n] != NULL; n++)
					pg_array_str(args, array == 0 ? languages[k].dictionary : languages[k].endings[n]);
				any = true;
			}
		}
		pg_array_end(args);
	}
	return any;
}

enum err search_words_of(struct pg *pg, const struct search_query *q, struct search_words *out)
{
	size_t asked[SEARCH_TERMS_MAX], len = 0;
	search_words_parse(q->text, q->text == NULL ? 0 : strlen(q->text), q->prefix, out);
	out->loose = q->loose;
	if (q->languages_len == 0)
		return ERR_NONE;
	struct pg_args *args = pg_args_new();
	pg_array_begin(args, PG_TEXT);
	for (size_t i = 0; i < out->len; i++) {
		const struct search_term *t = &out->terms[i];
		char word[64];
		size_t n =
		    t->phrase || t->prefix || t->negated ? 0 : highlight_fold_word(t->text, strlen(t->text), word, sizeof word);
		if (n < 2)
			continue;
		pg_array_text(args, word, n);
		asked[len++] = i;
	}
	pg_array_end(args);
	bool any = args_endings(args, q);
	PGresult *r = NULL;
	enum err e = len > 0 && any ? pg_query(pg, "search_forms", args, &r) : ERR_NONE;
	pg_args_free(args);
	for (int i = 0; r != NULL && i < PQntuples(r); i++) {
		size_t term = asked[pg_get_int8(r, i, 0) - 1];
		const char *form = pg_get_str(r, i, 1);
		if (form != NULL)
			search_words_add_form(out, term, form);
		else
			out->terms[term].optional = true;
	}
	PQclear(r);
	if (e != ERR_NONE)
		search_words_done(out);
	return e;
}
