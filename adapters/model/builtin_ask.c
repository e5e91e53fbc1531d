/*
 * Reading a question.  The text becomes a list of words (folded for comparing, with their place in the text for quoting back); a
 * table of patterns is tried from top to bottom, the specific ones first.  A pattern is words with alternatives ("said|wrote"),
 * words that may be missing ("?ever"), and slots: $T a topic, $N a name of up to three words, $P a place, $* anything.  The rest of
 * the work is the same for all kinds: a time ("yesterday") or a place ("in #ops") at the end of the topic becomes a filter, filler
 * words fall out of the query, a quoted phrase stays one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"
#include "builtin_internal.h"

#define WORDS_MAX 60
#define QUESTION_MAX 800

struct word {
	char folded[40];
	size_t from, to; /* bytes of the text */
};
struct words {
	const char *text;
	struct word w[WORDS_MAX];
	size_t len;
};
struct span {
	size_t from, to; /* words; from == to: unset */
};
struct match {
	struct span topic, name, place;
};
/* Words that say nothing about what is looked for. */
static const char *const fillers[] = { "a", "an", "the", "of", "for", "to", "in", "on", "at", "by", "with", "from", "and", "is",
	"are", "was", "were", "be", "been", "we", "us", "our", "i", "me", "my", "you", "your", "they", "their", "it", "its", "this",
	"that", "these", "those", "do", "does", "did", "have", "has", "had", "will", "would", "should", "can", "could", "about",
	"what", "which", "who", "when", "where", "why", "how", "s", "t", "re", "ll", "ve", "m", "please", "there", "so", "any",
	"some", "if", "as", "just", "anything", "something", "message", "messages", "again", "ever", "up", "say", "said", "der",
	"die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "und", "ist", "sind", "war", "wir", "uns",
	"unser", "unsere", "ich", "du", "sie", "es", "zu", "zum", "zur", "im", "am", "von", "vom", "fur", "mit", "auf", "uber",
	"bitte", "haben", "hat", "wurde", "was", "wer", "wann", "le", "la", "les", "l", "un", "une", "du", "de", "des", "d", "et",
	"est", "sont", "nous", "notre", "nos", "je", "tu", "il", "elle", "on", "au", "aux", "sur", "pour", "avec", "dans", "que",
	"qu", "qui", "quand", "ce", "cette", "el", "los", "las", "una", "y", "es", "son", "fue", "nosotros", "nuestro", "nuestra",
	"yo", "se", "al", "del", "en", "con", "para", "por", "sobre", "lo", NULL };
static const char *const not_names[] = { "we", "they", "you", "i", "it", "people", "anyone", "anybody", "someone", "somebody",
	"everyone", "nobody", "the", "this", "that", "there", "a", "an", "wir", "sie", "man", "jemand", "ich", "du", "es", "nous",
	"on", "vous", "je", "tu", "il", "elle", "se", "alguien", "yo", "what", "who", "is", "was", "did", "has", "to", "s", NULL };

static const char *const politeness[] = { "hi", "hey", "hello", "hallo", "bonjour", "hola", "eddy", "please", "pls", "ok", "okay",
	"so", "and", "but", "well", "bitte", "und", "also", "alors", "oye", "thanks", NULL };
static const char *const polite_openings[] = { "can|could|would|will you please",
	"can|could|would|will you tell|show ?me|us ?please", "do|does you|anyone|anybody|somebody know|remember|recall",
	"tell me|us", "i want|need|like|would ?like to know", "i wonder|forgot", "remind me|us", "can|could|would you",
	"kannst|konntest du ?mir|uns ?bitte ?sagen", "weisst du|jemand|wer", "sag mir|mal", "peux|pouvez tu|vous ?me ?dire",
	"sais|savez tu|vous", "dis moi", "puedes|podrias ?me ?decirme", "sabes|dime", NULL };

static bool listed(const char *const *list, const char *s)
{
	for (; *list != NULL; list++) {
		if (strcmp(*list, s) == 0)
			return true;
	}
	return false;
}

static void fold_word(const char *s, size_t n, char out[40])
{
	size_t k = 0;
	bool ascii = true;
	for (size_t i = 0; i < n && ascii; i++)
		ascii = (unsigned char)s[i] < 0x80;
	if (ascii) {
		for (; k < n && k < 39; k++)
			out[k] = (char)(s[k] >= 'A' && s[k] <= 'Z' ? s[k] + 32 : s[k]);
		out[k] = '\0';
		return;
	}
	utf8proc_uint8_t *folded = NULL;
	utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &folded,
	    (utf8proc_option_t)(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD));
	if (len > 0) {
		k = utf8_clip((const char *)folded, (size_t)len, 39);
		memcpy(out, folded, k);
	}
	free(folded);
	out[k] = '\0';
}

static bool is_separator(const char *s, size_t n, size_t *step)
{
	unsigned char c = (unsigned char)s[0];
	*step = 1;
	if (c < 0x80)
		return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '#' ||
		    c == '@' || c == '+');
	uint32_t cp;
	size_t len = utf8_decode(s, n, &cp);
	if (len == 0)
		return true;
	*step = len;
	return cp == 0xa0 || cp == 0xab || cp == 0xbb || cp == 0xbf || cp == 0xa1 || (cp >= 0x2000 && cp <= 0x206f) ||
	    (cp >= 0x3000 && cp <= 0x3003) || cp == 0xff1f || cp == 0xff01 || (cp >= 0x2190 && cp <= 0x2bff) ||
	    (cp >= 0xfe00 && cp <= 0xfe0f) || (cp >= 0x1f000 && cp <= 0x1faff);
}

/* A joint keeps a word together when letters stand on both sides: v1.2, and/or, 10:30. */
static bool is_joint(const char *s, size_t i, size_t n)
{
	if (i == 0 || i + 1 >= n || (s[i] != '.' && s[i] != '/' && s[i] != ':'))
		return false;
	size_t step;
	return !is_separator(s + i + 1, n - i - 1, &step);
}

static void split(const char *text, size_t n, struct words *out)
{
	out->text = text;
	out->len = 0;
	size_t i = 0;
	while (i < n && out->len < WORDS_MAX) {
		size_t step;
		if (is_separator(text + i, n - i, &step)) {
			i += step;
			continue;
		}
		size_t from = i;
		while (i < n && (!is_separator(text + i, n - i, &step) || is_joint(text, i, n)))
			i += step;
		struct word *w = &out->w[out->len++];
		w->from = from;
		w->to = i;
		fold_word(text + from, i - from, w->folded);
	}
}

/* ---- matching ---- */
static bool alternative(const char *token, size_t n, const char *word)
{
	size_t len = strlen(word);
	for (size_t i = 0; i <= n;) {
		const char *bar = i < n ? memchr(token + i, '|', n - i) : NULL;
		size_t end = bar != NULL ? (size_t)(bar - token) : n;
		size_t from = i + (i < n && token[i] == '?'); /* "a|?b" reads as "a|b" */
		if (end - from == len && memcmp(token + from, word, len) == 0)
			return true;
		i = end + 1;
	}
	return false;
}

static bool name_ok(const struct words *w, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (listed(not_names, w->w[i].folded))
			return false;
	}
	return to > from;
}

/* ${budget}: steps left, so that no text can make the matcher walk for long. */
static bool match(const char *p, const struct words *w, size_t i, size_t end, struct match *m, int *budget)
{
	if (--*budget < 0)
		return false;
	while (*p == ' ')
		p++;
	if (*p == '\0')
		return i == end;
	size_t n = strcspn(p, " ");
	const char *rest = p + n;
	bool optional = *p == '?';
	const char *token = p + optional;
	size_t len = n - optional;
	if (token[0] == '$') {
		struct span *slot = token[1] == 'T' ? &m->topic : token[1] == 'N' ? &m->name : &m->place;
		size_t most = token[1] == 'N' ? 3 : token[1] == 'P' ? 4 : end - i;
		for (size_t take = 1; take <= most && i + take <= end; take++) {
			if (token[1] == 'N' && !name_ok(w, i, i + take))
				break;
			struct span before = *slot;
			*slot = (struct span){ i, i + take };
			if (match(rest, w, i + take, end, m, budget))
				return true;
			*slot = before;
		}
		return optional && match(rest, w, i, end, m, budget);
	}
	if (i < end && alternative(token, len, w->w[i].folded) && match(rest, w, i + 1, end, m, budget))
		return true;
	return optional && match(rest, w, i, end, m, budget);
}

/* How many words an opening such as "can you tell me" takes. */
static size_t opening(const struct words *w, size_t from)
{
	size_t best = 0;
	for (size_t i = 0; polite_openings[i] != NULL; i++) {
		for (size_t take = 2; take <= 6 && from + take < w->len; take++) {
			struct match m = { 0 };
			int budget = 60;
			if (take > best && match(polite_openings[i], w, from, from + take, &m, &budget))
				best = take;
		}
	}
	return best;
}

/* ---- what is left after the match ---- */
struct period {
	const char *words, *after, *before;
};
static const struct period periods[] = {
	{ "today", "today", "" },
	{ "heute", "today", "" },
	{ "aujourd hui", "today", "" },
	{ "hoy", "today", "" },
	{ "this morning", "today", "" },
	{ "yesterday", "yesterday", "today" },
	{ "gestern", "yesterday", "today" },
	{ "hier", "yesterday", "today" },
	{ "ayer", "yesterday", "today" },
	{ "this week", "this week", "" },
	{ "diese woche", "this week", "" },
	{ "cette semaine", "this week", "" },
	{ "esta semana", "this week", "" },
	{ "last week", "last week", "this week" },
	{ "letzte woche", "last week", "this week" },
	{ "la semaine derniere", "last week", "this week" },
	{ "la semana pasada", "last week", "this week" },
	{ "this month", "this month", "" },
	{ "diesen monat", "this month", "" },
	{ "last month", "last month", "this month" },
	{ "letzten monat", "last month", "this month" },
	{ "recently", "14d", "" },
	{ "lately", "14d", "" },
	{ "on monday", "monday", "monday+1" },
	{ "on tuesday", "tuesday", "tuesday+1" },
	{ "on wednesday", "wednesday", "wednesday+1" },
	{ "on thursday", "thursday", "thursday+1" },
	{ "on friday", "friday", "friday+1" },
	{ "on saturday", "saturday", "saturday+1" },
	{ "on sunday", "sunday", "sunday+1" },
	{ "monday", "monday", "monday+1" },
	{ "tuesday", "tuesday", "tuesday+1" },
	{ "wednesday", "wednesday", "wednesday+1" },
	{ "thursday", "thursday", "thursday+1" },
	{ "friday", "friday", "friday+1" },
	{ "saturday", "saturday", "saturday+1" },
	{ "sunday", "sunday", "sunday+1" },
};

/* Do the words before ${end} (not before ${from}) read as ${words}?  Returns how many they are. */
static size_t ends_with(const struct words *w, size_t from, size_t end, const char *words)
{
	struct words other;
	split(words, strlen(words), &other);
	if (other.len > end - from)
		return 0;
	for (size_t i = 0; i < other.len; i++) {
		if (strcmp(other.w[i].folded, w->w[end - other.len + i].folded) != 0)
			return 0;
	}
	return other.len;
}

static size_t take_period(const struct words *w, size_t from, size_t end, struct ask *out)
{
	size_t best = 0;
	for (size_t i = 0; i < sizeof periods / sizeof periods[0]; i++) {
		size_t n = ends_with(w, from, end, periods[i].words);
		if (n > best) {
			best = n;
			strcpy(out->after, periods[i].after);
			strcpy(out->before, periods[i].before);
		}
	}
	return best;
}

static void copy_words(const struct words *w, size_t from, size_t to, char *out, size_t n)
{
	out[0] = '\0';
	if (from >= to)
		return;
	size_t start = w->w[from].from, len = utf8_clip(w->text + start, w->w[to - 1].to - start, n - 1);
	memcpy(out, w->text + start, len);
	out[len] = '\0';
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)out[i] < 0x20)
			out[i] = ' ';
	}
}

/* "in #ops", "in the ops channel", "here", "in this thread" at the end. */
static size_t take_place(const struct words *w, size_t from, size_t end, struct ask *out)
{
	static const char *const threads[] = { "in this thread", "in this conversation", "in diesem thread", "dans ce fil",
		"en este hilo", NULL };
	static const char *const heres[] = { "in this channel", "in here", "here", "in diesem kanal", "dans ce canal",
		"en este canal", "ici", "aqui", NULL };
	for (size_t i = 0; threads[i] != NULL; i++) {
		size_t n = ends_with(w, from, end, threads[i]);
		if (n > 0) {
			strcpy(out->place, "thread");
			return n;
		}
	}
	for (size_t i = 0; heres[i] != NULL; i++) {
		size_t n = ends_with(w, from, end, heres[i]);
		if (n > 0) {
			strcpy(out->place, "here");
			return n;
		}
	}
	size_t last = end;
	bool named = last > from && (strcmp(w->w[last - 1].folded, "channel") == 0 || strcmp(w->w[last - 1].folded, "kanal") == 0);
	last -= named;
	if (last < from + 2 - (last == from + 1))
		return 0;
	bool tagged = w->w[last - 1].folded[0] == '#';
	if (!named && !tagged)
		return 0;
	copy_words(w, last - 1, last, out->place, sizeof out->place);
	size_t at = last - 1;
	while (at > from &&
	    (listed((const char *const[]){ "in", "the", "im", "auf", "dans", "le", "en", "el", "on", NULL }, w->w[at - 1].folded)))
		at--;
	return end - at;
}

/* The first phrase in quotation marks, with its words in ${out}. */
static bool quoted_phrase(const char *s, size_t n, char *out, size_t out_n)
{
	static const struct {
		const char *open, *close;
	} marks[] = { { "\"", "\"" }, { "“", "”" }, { "„", "“" }, { "«", "»" }, { "“", "\"" } };
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		const char *from = memmem(s, n, marks[i].open, strlen(marks[i].open));
		if (from == NULL)
			continue;
		from += strlen(marks[i].open);
		const char *to = memmem(from, n - (size_t)(from - s), marks[i].close, strlen(marks[i].close));
		if (to == NULL || to <= from + 1)
			continue;
		size_t len = utf8_clip(from, (size_t)(to - from), out_n - 1);
		memcpy(out, from, len);
		out[len] = '\0';
		for (size_t k = 0; k < len; k++) {
			if (out[k] == '"' || (unsigned char)out[k] < 0x20)
				out[k] = ' ';
		}
		return true;
	}
	return false;
}

static void make_query(const struct words *w, struct span topic, struct ask *out)
{
	struct buf b = BUF_INIT;
	buf_reserve(&b, 1);
	for (int strict = 1; strict >= 0 && b.len == 0; strict--) {
		for (size_t i = topic.from; i < topic.to; i++) {
			const char *f = w->w[i].folded;
			/* "or" would be an operator; of filler alone ("the who") the words are taken as they are. */
			if ((strict && listed(fillers, f)) || strcmp(f, "or") == 0 || b.len > 300)
				continue;
			if (b.len > 0)
				buf_add_char(&b, ' ');
			buf_add(&b, w->text + w->w[i].from, w->w[i].to - w->w[i].from);
		}
		if (out->kind == ASK_WORDS || out->kind == ASK_HAPPENED)
			break;
	}
	size_t len = utf8_clip(b.p, b.len, sizeof out->query - 1);
	memcpy(out->query, b.p, len);
	out->query[len] = '\0';
	buf_done(&b);
}

/* "Ana: who said …": where several people write, each text begins with its author. */
static void skip_author(const char **text, size_t *n)
{
	const char *colon = memmem(*text, *n < 80 ? *n : 80, ": ", 2);
	if (colon == NULL || memchr(*text, '?', (size_t)(colon - *text)) != NULL ||
	    memchr(*text, '\n', (size_t)(colon - *text)) != NULL)
		return;
	int blanks = 0;
	for (const char *p = *text; p < colon; p++)
		blanks += *p == ' ';
	if (blanks > 3)
		return;
	*n -= (size_t)(colon + 2 - *text);
	*text = colon + 2;
}

/* The first form that all words fit; ${topics}: also forms with a topic in them. */
static enum ask_kind find_kind(const struct words *w, size_t from, size_t to, bool topics, struct match *m)
{
	for (const struct ask_pattern *p = ask_patterns; p->form != NULL; p++) {
		struct match found = { 0 };
		int budget = 4000;
		if ((topics || strstr(p->form, "$T") == NULL) && match(p->form, w, from, to, &found, &budget)) {
			*m = found;
			return p->kind;
		}
	}
	return ASK_WORDS;
}

void builtin_ask(const char *text, size_t n, struct ask *out)
{
	memset(out, 0, sizeof *out);
	skip_author(&text, &n);
	n = utf8_clip(text, n, QUESTION_MAX);
	struct words w;
	split(text, n, &w);
	size_t from = 0, to = w.len;
	while (from < to && (listed(politeness, w.w[from].folded) || opening(&w, from) > 0))
		from += listed(politeness, w.w[from].folded) ? 1 : opening(&w, from);
	while (to > from && listed(politeness, w.w[to - 1].folded))
		to--;
	struct match m = { 0 };
	/* "who wrote in this thread": a form without a topic may hold the place itself. */
	out->kind = find_kind(&w, from, to, false, &m);
	if (out->kind == ASK_WORDS) {
		/* The time and the place stand last, whatever the form. */
		for (int i = 0; i < 3 && to > from + 1; i++) {
			size_t cut = out->after[0] == '\0' ? take_period(&w, from + 1, to, out) : 0;
			if (cut == 0 && out->place[0] == '\0')
				cut = take_place(&w, from + 1, to, out);
			if (cut == 0)
				break;
			to -= cut;
		}
		out->kind = find_kind(&w, from, to, true, &m);
	}
	size_t topic = m.topic.to - m.topic.from;
	if (out->kind == ASK_HAPPENED && topic > 0 && out->after[0] == '\0' &&
	    take_period(&w, m.topic.from, m.topic.to, out) == topic)
		m.topic = (struct span){ 0, 0 };
	if (out->kind == ASK_WORDS)
		m.topic = (struct span){ from, to };
	copy_words(&w, m.name.from, m.name.to, out->person, sizeof out->person);
	if (m.place.to > m.place.from)
		copy_words(&w, m.place.from, m.place.to, out->place, sizeof out->place);
	copy_words(&w, m.topic.from, m.topic.to, out->topic, sizeof out->topic);
	char phrase[200];
	if (quoted_phrase(text, n, phrase, sizeof phrase)) {
		snprintf(out->query, sizeof out->query, "\"%s\"", phrase);
		snprintf(out->topic, sizeof out->topic, "%s", phrase);
	} else {
		make_query(&w, m.topic, out);
	}
	if (out->kind == ASK_WORDS && out->query[0] == '\0')
		out->kind = ASK_NOTHING;
}
