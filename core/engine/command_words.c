/*
 * Commands that something may follow: "fork: which database?", "resolve #2", "search deadline in:general".  A text is one when it begins
 * with the command's words, compared letter by letter as command.c folds them (case, accents, width), after polite words, and when what
 * follows is of the kind that the command takes.  The longest words win.  What this table does not have may still be a
 * phrase of command_phrases.c.
 */
#include <string.h>

#include "../base/utf8.h"
#include "command.h"
#include "command_phrases.h"

#define WORDS_TEXT_MAX (64u * 1024u)

enum takes {
	NOTHING,  /* but a full stop or a polite word */
	TEXT,     /* something has to follow */
	MAYBE,    /* something may */
	NUMBER,   /* "#2", "2" or nothing */
	NUMBERED, /* "#2" or "2" has to */
	MARKED,   /* something after a colon or on the next line has to */
	CODE,     /* a link code and perhaps "yes", or nothing */
	CODED,    /* a code has to */
	LIST,     /* one of a few words that say which part of a list */
};
enum where { ANYWHERE, IN_FORK };

/* A word list reads better in few lines. */
/* clang-format off */
static const struct words {
	enum command command;
	enum takes takes;
	enum where where;
	const char *words;
} table[] = {
	{ CMD_FORK, MAYBE, ANYWHERE, "fork" }, { CMD_FORK, NOTHING, ANYWHERE, "fork this" }, { CMD_FORK, NOTHING, ANYWHERE, "fork that" },
	{ CMD_FORK, MARKED, ANYWHERE, "fork this" }, { CMD_FORK, MAYBE, ANYWHERE, "start a fork" },
	{ CMD_FORK, MAYBE, ANYWHERE, "open a fork" }, { CMD_FORK, MARKED, ANYWHERE, "start a side thread" },
	{ CMD_FORK, MARKED, ANYWHERE, "nebenthread" }, { CMD_FORK, MARKED, ANYWHERE, "abzweigung" },
	{ CMD_FORK, MARKED, ANYWHERE, "fil annexe" }, { CMD_FORK, MARKED, ANYWHERE, "hilo aparte" }, { CMD_FORK, MAYBE, ANYWHERE, "フォーク" },
	{ CMD_FORKS, NOTHING, ANYWHERE, "forks" }, { CMD_FORKS, NOTHING, ANYWHERE, "list forks" },
	{ CMD_FORKS, NOTHING, ANYWHERE, "show forks" }, { CMD_FORKS, NOTHING, ANYWHERE, "list the forks" },
	{ CMD_FORKS, NOTHING, ANYWHERE, "side threads" }, { CMD_FORKS, NOTHING, ANYWHERE, "list side threads" },
	{ CMD_RESOLVE, NUMBER, ANYWHERE, "resolve" },
	{ CMD_RESOLVE, NOTHING, IN_FORK, "resolve this" }, { CMD_RESOLVE, NOTHING, IN_FORK, "resolve it" },
	{ CMD_RESOLVE, NOTHING, IN_FORK, "lets resolve this" }, { CMD_RESOLVE, NUMBERED, ANYWHERE, "resolve fork" },
	{ CMD_RESOLVE, NOTHING, IN_FORK, "resolve this fork" }, { CMD_RESOLVE, NOTHING, IN_FORK, "auflosen" },
	{ CMD_RESOLVE, NOTHING, IN_FORK, "fasse das ergebnis zusammen" }, { CMD_RESOLVE, NOTHING, IN_FORK, "resoudre" },
	{ CMD_RESOLVE, NOTHING, IN_FORK, "resolver" }, { CMD_RESOLVE, NOTHING, IN_FORK, "解決" },
	{ CMD_ABANDON, NUMBER, ANYWHERE, "abandon" },
	{ CMD_ABANDON, NOTHING, IN_FORK, "abandon this" }, { CMD_ABANDON, NOTHING, IN_FORK, "abandon it" },
	{ CMD_ABANDON, NOTHING, IN_FORK, "abandon this fork" }, { CMD_ABANDON, NUMBERED, ANYWHERE, "abandon fork" },
	{ CMD_ABANDON, NOTHING, IN_FORK, "aufgeben" }, { CMD_ABANDON, NOTHING, IN_FORK, "abandonner" },
	{ CMD_ABANDON, NOTHING, IN_FORK, "abandonar" },
	{ CMD_ACCEPT, NOTHING, IN_FORK, "accept" }, { CMD_ACCEPT, NOTHING, IN_FORK, "accept it" },
	{ CMD_ACCEPT, NOTHING, IN_FORK, "accept the draft" }, { CMD_ACCEPT, NOTHING, IN_FORK, "accept this" },
	{ CMD_ACCEPT, NOTHING, IN_FORK, "post it" }, { CMD_ACCEPT, NOTHING, IN_FORK, "post the draft" },
	{ CMD_ACCEPT, NUMBERED, ANYWHERE, "accept" }, { CMD_ACCEPT, NOTHING, IN_FORK, "annehmen" },
	{ CMD_ACCEPT, NOTHING, IN_FORK, "accepter" }, { CMD_ACCEPT, NOTHING, IN_FORK, "aceptar" },
	{ CMD_EDIT, NOTHING, IN_FORK, "edit" }, { CMD_EDIT, MARKED, IN_FORK, "edit" }, { CMD_EDIT, MARKED, IN_FORK, "edit the draft" }, { CMD_EDIT, MARKED, IN_FORK, "edit draft" },
	{ CMD_DISCARD, NOTHING, IN_FORK, "discard" }, { CMD_DISCARD, NOTHING, IN_FORK, "discard it" },
	{ CMD_DISCARD, NOTHING, IN_FORK, "discard the draft" }, { CMD_DISCARD, NOTHING, IN_FORK, "keep going" },
	{ CMD_THREADS, LIST, ANYWHERE, "threads" }, { CMD_THREADS, LIST, ANYWHERE, "list threads" },
	{ CMD_THREADS, LIST, ANYWHERE, "show threads" }, { CMD_THREADS, LIST, ANYWHERE, "my threads" },
	{ CMD_THREADS, LIST, ANYWHERE, "conversations" },
	{ CMD_OPEN, NUMBERED, ANYWHERE, "open" }, { CMD_OPEN, TEXT, ANYWHERE, "open thread" }, { CMD_OPEN, TEXT, ANYWHERE, "open the thread" },
	{ CMD_OPEN, NUMBERED, ANYWHERE, "open fork" },
	{ CMD_RENAME, MARKED, ANYWHERE, "rename" }, { CMD_RENAME, TEXT, ANYWHERE, "rename to" },
	{ CMD_RENAME, TEXT, ANYWHERE, "rename this thread to" }, { CMD_RENAME, TEXT, ANYWHERE, "rename thread to" },
	{ CMD_RENAME, TEXT, ANYWHERE, "rename this to" }, { CMD_RENAME, TEXT, ANYWHERE, "call this thread" },
	{ CMD_ARCHIVE, NOTHING, ANYWHERE, "archive" }, { CMD_ARCHIVE, NOTHING, ANYWHERE, "archive this" },
	{ CMD_ARCHIVE, NOTHING, ANYWHERE, "archive this thread" }, { CMD_ARCHIVE, NOTHING, ANYWHERE, "archive thread" },
	{ CMD_REOPEN, NOTHING, ANYWHERE, "reopen" }, { CMD_REOPEN, NOTHING, ANYWHERE, "reopen this" },
	{ CMD_REOPEN, NOTHING, ANYWHERE, "reopen this thread" }, { CMD_REOPEN, NOTHING, ANYWHERE, "unarchive" },
	{ CMD_REOPEN, NOTHING, ANYWHERE, "unarchive this thread" },
	{ CMD_SETTLE, NOTHING, ANYWHERE, "mark as resolved" }, { CMD_SETTLE, NOTHING, ANYWHERE, "mark resolved" },
	{ CMD_SETTLE, NOTHING, ANYWHERE, "mark this as resolved" }, { CMD_SETTLE, NOTHING, ANYWHERE, "mark this thread as resolved" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "summarise" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "summarize" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "summarise this" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "summarize this" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "summarise this thread" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "summarize this thread" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "summarise the thread" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "summarize the thread" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "sum up" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "sum this up" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "summary" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "summary please" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "tldr" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "tl dr" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "zusammenfassen" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "zusammenfassung" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "fass zusammen" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "fass das zusammen" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "resume ce fil" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "resumer" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "resumen" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "resumir" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "resume este hilo" }, { CMD_SUMMARISE, NOTHING, ANYWHERE, "要約" },
	{ CMD_SUMMARISE, NOTHING, ANYWHERE, "まとめて" },
	{ CMD_CATCH_UP, NOTHING, ANYWHERE, "catch me up" }, { CMD_CATCH_UP, NOTHING, ANYWHERE, "catch up" },
	{ CMD_CATCH_UP, NOTHING, ANYWHERE, "what did i miss" }, { CMD_CATCH_UP, NOTHING, ANYWHERE, "what have i missed" },
	{ CMD_CATCH_UP, NOTHING, ANYWHERE, "bring me up to date" }, { CMD_CATCH_UP, NOTHING, ANYWHERE, "bring me up to speed" },
	{ CMD_CATCH_UP, NOTHING, ANYWHERE, "was habe ich verpasst" }, { CMD_CATCH_UP, NOTHING, ANYWHERE, "bring mich auf den neuesten stand" },
	{ CMD_CATCH_UP, NOTHING, ANYWHERE, "qu ai je manque" }, { CMD_CATCH_UP, NOTHING, ANYWHERE, "ponme al dia" },
	{ CMD_CATCH_UP, NOTHING, ANYWHERE, "que me perdi" }, { CMD_CATCH_UP, NOTHING, ANYWHERE, "何があった" },
	{ CMD_OFFER_ON, NOTHING, ANYWHERE, "offer summaries" }, { CMD_OFFER_ON, NOTHING, ANYWHERE, "offer summaries here" },
	{ CMD_OFFER_OFF, NOTHING, ANYWHERE, "stop offering summaries" }, { CMD_OFFER_OFF, NOTHING, ANYWHERE, "stop offering summaries here" },
	{ CMD_OFFER_OFF, NOTHING, ANYWHERE, "no summaries here" },
	{ CMD_WHOLE, NOTHING, ANYWHERE, "show all" }, { CMD_WHOLE, NOTHING, ANYWHERE, "show all of it" },
	{ CMD_WHOLE, NOTHING, ANYWHERE, "show everything" }, { CMD_WHOLE, NOTHING, ANYWHERE, "show the full text" },
	{ CMD_WHOLE, NOTHING, ANYWHERE, "full text" },
	{ CMD_SEARCH, MAYBE, ANYWHERE, "search" }, { CMD_SEARCH, TEXT, ANYWHERE, "search for" }, { CMD_SEARCH, TEXT, ANYWHERE, "suche" },
	{ CMD_SEARCH, TEXT, ANYWHERE, "suche nach" }, { CMD_SEARCH, TEXT, ANYWHERE, "recherche" }, { CMD_SEARCH, TEXT, ANYWHERE, "cherche" },
	{ CMD_SEARCH, TEXT, ANYWHERE, "busca" }, { CMD_SEARCH, TEXT, ANYWHERE, "buscar" }, { CMD_SEARCH, TEXT, ANYWHERE, "検索" },
	{ CMD_REMEMBER, MARKED, ANYWHERE, "remember" }, { CMD_REMEMBER, TEXT, ANYWHERE, "remember that" },
	{ CMD_REMEMBER, TEXT, ANYWHERE, "merk dir dass" }, { CMD_REMEMBER, MARKED, ANYWHERE, "merk dir" },
	{ CMD_REMEMBER, TEXT, ANYWHERE, "retiens que" }, { CMD_REMEMBER, TEXT, ANYWHERE, "recuerda que" },
	{ CMD_REMEMBER, MARKED, ANYWHERE, "覚えて" },
	{ CMD_PIN, NOTHING, ANYWHERE, "pin" }, { CMD_PIN, NOTHING, ANYWHERE, "pin that" }, { CMD_PIN, NOTHING, ANYWHERE, "pin this" },
	{ CMD_PIN, NOTHING, ANYWHERE, "pin it" }, { CMD_PIN, NOTHING, ANYWHERE, "remember this" },
	{ CMD_PIN, NOTHING, ANYWHERE, "remember that" }, { CMD_PIN, NOTHING, ANYWHERE, "remember it" },
	{ CMD_RECALL, NOTHING, ANYWHERE, "what do you remember" }, { CMD_RECALL, TEXT, ANYWHERE, "what do you remember about" },
	{ CMD_RECALL, TEXT, ANYWHERE, "what did we decide about" }, { CMD_RECALL, TEXT, ANYWHERE, "was weisst du noch uber" },
	{ CMD_RECALL, TEXT, ANYWHERE, "que recuerdas de" }, { CMD_RECALL, TEXT, ANYWHERE, "de quoi te souviens tu a propos de" },
	{ CMD_RECALL, LIST, ANYWHERE, "memory" },
	{ CMD_WHY, NOTHING, ANYWHERE, "why do you think so" }, { CMD_WHY, NOTHING, ANYWHERE, "why do you think that" },
	{ CMD_WHY, NOTHING, ANYWHERE, "why did you say that" }, { CMD_WHY, NOTHING, ANYWHERE, "how do you know" },
	{ CMD_WHY, NOTHING, ANYWHERE, "how do you know that" }, { CMD_WHY, NOTHING, ANYWHERE, "where does that come from" },
	{ CMD_WHY, NOTHING, ANYWHERE, "warum denkst du das" }, { CMD_WHY, NOTHING, ANYWHERE, "woher weisst du das" },
	{ CMD_WHY, NOTHING, ANYWHERE, "comment le sais tu" }, { CMD_WHY, NOTHING, ANYWHERE, "como lo sabes" },
	{ CMD_WHY, NUMBERED, ANYWHERE, "why" },
	{ CMD_FORGET, NUMBER, ANYWHERE, "forget that" }, { CMD_FORGET, NOTHING, ANYWHERE, "forget this" },
	{ CMD_FORGET, NUMBERED, ANYWHERE, "forget" }, { CMD_FORGET, NOTHING, ANYWHERE, "vergiss das" },
	{ CMD_FORGET, NOTHING, ANYWHERE, "oublie ca" }, { CMD_FORGET, NOTHING, ANYWHERE, "olvida eso" },
	{ CMD_FORGET_ME, LIST, ANYWHERE, "forget me" }, { CMD_FORGET_ME, NOTHING, ANYWHERE, "forget everything about me" },
	{ CMD_FORGET_ME, NOTHING, ANYWHERE, "delete my data" }, { CMD_FORGET_ME, NOTHING, ANYWHERE, "vergiss mich" },
	{ CMD_FORGET_ME, NOTHING, ANYWHERE, "oublie moi" }, { CMD_FORGET_ME, NOTHING, ANYWHERE, "olvidame" },
	{ CMD_PRIVATE_ON, NOTHING, ANYWHERE, "private mode" }, { CMD_PRIVATE_ON, NOTHING, ANYWHERE, "private mode on" },
	{ CMD_PRIVATE_ON, NOTHING, ANYWHERE, "start private mode" }, { CMD_PRIVATE_OFF, NOTHING, ANYWHERE, "private mode off" },
	{ CMD_PRIVATE_OFF, NOTHING, ANYWHERE, "end private mode" }, { CMD_PRIVATE_OFF, NOTHING, ANYWHERE, "stop private mode" },
	{ CMD_EXPORT, NOTHING, ANYWHERE, "export my data" }, { CMD_EXPORT, NOTHING, ANYWHERE, "export my memory" },
	{ CMD_EXPORT, NOTHING, ANYWHERE, "what data do you have about me" },
	{ CMD_CONFIRM, NUMBERED, ANYWHERE, "keep both" },
	{ CMD_CONFIRM, NUMBERED, ANYWHERE, "keep" }, { CMD_DECLINE, NUMBERED, ANYWHERE, "drop" },
	{ CMD_DECISIONS, NOTHING, ANYWHERE, "what did we decide" }, { CMD_DECISIONS, NOTHING, ANYWHERE, "what did we decide here" },
	{ CMD_DECISIONS, NOTHING, ANYWHERE, "decisions" }, { CMD_DECISIONS, NOTHING, ANYWHERE, "note the decisions" },
	{ CMD_LINK, CODE, ANYWHERE, "link" }, { CMD_LINK, NOTHING, ANYWHERE, "link me" }, { CMD_LINK, NOTHING, ANYWHERE, "link my accounts" },
	{ CMD_LINK, NOTHING, ANYWHERE, "verknupfen" }, { CMD_LINK, NOTHING, ANYWHERE, "lier mon compte" }, { CMD_LINK, NOTHING, ANYWHERE, "vincular" },
	{ CMD_UNLINK, NOTHING, ANYWHERE, "unlink" }, { CMD_UNLINK, NOTHING, ANYWHERE, "unlink me" }, { CMD_UNLINK, NOTHING, ANYWHERE, "unlink my accounts" },
	{ CMD_APPROVE, CODED, ANYWHERE, "approve" }, { CMD_REFUSE, CODED, ANYWHERE, "refuse" },
	{ CMD_NONE, NOTHING, ANYWHERE, NULL },
};
/* clang-format on */
static const char *const polite[] = { "please", "eddy", "hey", "hi", "hello", "ok", "okay", "so", "can you", "could you", "now",
	"thanks", "bitte", "kannst du", "s il te plait", "por favor", "also", "and", "then", NULL };

/* The beginning of a text as it is compared: its letters, folded once, and what stands between them. */
#define LETTERS_MAX 72 /* longer than polite words and any of the table together */
struct letter {
	uint32_t c;
	bool blank, barred; /* before it: a blank; something no command has inside */
	size_t end;         /* in the text */
};
struct beginning {
	struct letter letters[LETTERS_MAX];
	size_t len;
	bool blank; /* after the last one */
};

static void fold_beginning(const char *s, size_t n, struct beginning *out)
{
	bool blank = false, barred = false;
	out->len = 0;
	for (size_t i = 0; i < n && out->len < LETTERS_MAX;) {
		uint32_t c;
		size_t step = utf8_decode(s + i, n - i, &c);
		if (step == 0)
			break;
		i += step;
		bool bar = c == '\n' || c == '#';
		enum command_letter l = command_fold(&c);
		if (l == LETTER_NONE)
			continue;
		if (l == LETTER_WORD) {
			out->letters[out->len++] = (struct letter){ c, blank, barred, i };
			blank = barred = false;
		} else {
			blank = true;
			barred |= bar || l == LETTER_BAD;
		}
	}
	out->blank = blank;
}

/* How many letters from the ${from}th on are ${words}; 0: it goes on in another way. */
static size_t match_letters(const char *words, const struct beginning *b, size_t from)
{
	size_t k = from;
	while (*words != '\0') {
		bool blank = *words == ' ';
		words += blank;
		uint32_t want = (unsigned char)*words;
		size_t took = want < 0x80 ? 1 : utf8_decode(words, strlen(words), &want);
		if (k >= b->len || b->letters[k].c != want || took == 0)
			return 0;
		if (k > from && (b->letters[k].blank != blank || b->letters[k].barred))
			return 0;
		words += took;
		k++;
	}
	bool wide = (uint8_t)words[-1] >= 0x80; /* Japanese has no blanks between words */
	return k < b->len && !b->letters[k].blank && !wide ? 0 : k - from;
}

/* Bytes of ${s} that ${words} take, up to and without what follows; 0: it begins in another way. */
static size_t match(const char *words, const char *s, size_t n)
{
	struct beginning b;
	fold_beginning(s, n, &b);
	size_t took = match_letters(words, &b, 0);
	return took > 0 ? b.letters[took - 1].end : 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Letters that polite words at the front take; not all there are, unless ${all}. */
static size_t polite_letters(const struct beginning *b, bool all)
{
	size_t at = 0;
	for (int round = 0; round < 6 && at < b->len; round++) {
		size_t best = 0;
		for (size_t i = 0; polite[i] != NULL; i++) {
			if ((unsigned char)polite[i][0] != b->letters[at].c)
				continue;
			size_t m = match_letters(polite[i], b, at);
			best = m > best ? m : best;
		}
		if (best == 0 || (!all && at + best >= b->len))
			break;
		at += best;
	}
	return at;
}

static bool is_polite_end(const char *s, size_t n)
{
	struct beginning b;
	fold_beginning(s, n, &b);
	size_t took = polite_letters(&b, true), at = took > 0 ? b.letters[took - 1].end : 0;
	while (at < n && (is_blank(s[at]) || strchr(".!?,;:", s[at]) != NULL))
		at++;
	return at == n;
}

static bool is_number(const char *s, size_t n)
{
	size_t at = n > 0 && s[0] == '#' ? 1 : 0, from = at;
	while (at < n && s[at] >= '0' && s[at] <= '9')
		at++;
	return at > from && at - from <= 9 && is_polite_end(s + at, n - at);
}

/* "7K2QF-M9XTD", alone or with a yes. */
static bool is_code(const char *s, size_t n)
{
	for (size_t i = 0; i < 11; i++) {
		bool sign = i < n && ((s[i] >= '0' && s[i] <= '9') || ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z'));
		if (i >= n || (i == 5 ? s[i] != '-' : !sign))
			return false;
	}
	if (n == 11 || is_polite_end(s + 11, n - 11))
		return true;
	size_t at = 11;
	while (at < n && is_blank(s[at]))
		at++;
	size_t took = at > 11 ? match("yes", s + at, n - at) : 0;
	return took > 0 && is_polite_end(s + at + took, n - at - took);
}

static bool is_list_word(const char *s, size_t n)
{
	static const char *const words[] = { "archived", "resolved", "active", "all", "mine", "more", "yes", NULL };
	if (is_polite_end(s, n))
		return true;
	for (size_t i = 0; words[i] != NULL; i++)
		if (match(words[i], s, n) > 0)
			return memchr(s, '\n', n) == NULL && n < 120;
	return false;
}

/* Several lines are prose that happens to begin so, but where a colon or a line end says otherwise, or they are to be remembered. */
static bool follows(const struct words *w, bool marked, const char *arg, size_t n)
{
	bool prose = !marked && w->command != CMD_REMEMBER && memchr(arg, '\n', n) != NULL;
	switch (w->takes) {
	case NOTHING:
		return is_polite_end(arg, n);
	case TEXT:
		return n > 0 && !is_polite_end(arg, n) && !prose;
	case MAYBE:
		return !prose;
	case NUMBER:
		return is_polite_end(arg, n) || is_number(arg, n);
	case NUMBERED:
		return is_number(arg, n);
	case MARKED:
		return marked && n > 0;
	case CODE:
		return is_polite_end(arg, n) || is_code(arg, n);
	case CODED:
		return is_code(arg, n);
	case LIST:
		return is_list_word(arg, n);
	}
	return false;
}

bool command_is_for_fork(enum command c)
{
	return c == CMD_RESOLVE || c == CMD_ABANDON || c == CMD_ACCEPT || c == CMD_EDIT || c == CMD_DISCARD;
}

bool command_parse(const char *text, size_t n, bool in_fork, struct command_call *out)
{
	if (text == NULL || n == 0 || n > WORDS_TEXT_MAX)
		return false;
	while (n > 0 && is_blank(text[n - 1]))
		n--;
	struct beginning b;
	fold_beginning(text, n, &b);
	size_t from = polite_letters(&b, false), best = 0;
	for (const struct words *w = table; w->words != NULL; w++) {
		if (w->where == IN_FORK && !in_fork)
			continue;
		if (from < b.len && (unsigned char)w->words[0] < 0x80 && (unsigned char)w->words[0] != b.letters[from].c)
			continue;
		size_t took = match_letters(w->words, &b, from);
		if (took == 0 || took < best)
			continue;
		size_t at = b.letters[from + took - 1].end;
		bool marked = false;
		while (at < n && (is_blank(text[at]) || text[at] == ':')) {
			marked |= text[at] == ':' || text[at] == '\n';
			at++;
		}
		if (!follows(w, marked, text + at, n - at))
			continue;
		best = took;
		bool nothing = w->takes == NOTHING;
		*out = (struct command_call){ w->command, nothing ? "" : text + at, nothing ? 0 : n - at };
	}
	if (best > 0)
		return true;
	enum command c = command_recognise(text, n);
	*out = (struct command_call){ c, "", 0 };
	return c != CMD_NONE;
}
