/*
 * Recognising canonical commands.  The text is folded (case, accents, width, punctuation, blanks) into a short key; then it must
 * equal a phrase of the table, after polite words at either end are taken away one by one.  Equality is what keeps ordinary
 * questions out: "what time is it" is a phrase, "what time did we agree on" is not.  The phrases sit in a hash table that is
 * filled once.
 */
#include "command.h"

#include <pthread.h>
#include <string.h>
#include <utf8proc.h>

#include "../base/utf8.h"
#include "command_phrases.h"

#define TEXT_MAX 120
#define KEY_MAX 192
#define SLOTS 2048 /* power of two, well over twice the phrases */

/* Words that add nothing at the front or at the end.  Only whole words are taken. */
static const char *const prefixes[] = { "hi", "hey", "hello", "hallo", "hola", "bonjour", "salut", "moin", "good morning",
	"good afternoon", "good evening", "guten morgen", "guten tag", "buenos dias", "eddy", "please", "pls", "plz", "kindly",
	"ok", "okay", "so", "well", "um", "and", "dear", "thanks", "can you please", "could you please", "can you tell me",
	"could you tell me", "would you tell me", "can you show me", "could you show me", "can you", "could you", "would you",
	"will you", "please tell me", "tell me", "show me", "give me", "let me know", "i want to know", "i would like to know",
	"do you know", "just", "remind me", "bitte", "kannst du", "kannst du mir sagen", "konntest du", "sag mir", "sag mal",
	"zeig mir", "zeige mir", "weisst du", "und", "also", "na", "s il te plait", "s il vous plait", "stp", "svp", "peux tu",
	"pouvez vous", "peux tu me dire", "dis moi", "montre moi", "alors", "et", "por favor", "puedes", "podrias",
	"puedes decirme", "me puedes decir", "dime", "muestrame", "oye", "y", "ねえ", "すみません", NULL };
static const char *const suffixes[] = { "please", "pls", "plz", "eddy", "now", "right now", "today", "currently", "thanks",
	"thank you", "thx", "mate", "buddy", "everyone", "all", "team", "again please", "for me", "at the moment", "exactly",
	"then", "there", "bitte", "jetzt", "gerade", "danke", "heute", "mal", "denn", "zusammen", "s il te plait",
	"s il vous plait", "stp", "svp", "merci", "maintenant", "aujourd hui", "por favor", "porfa", "gracias", "ahora", "hoy",
	"a todos", "お願いします", "ください", "を教えて", "教えて", NULL };

static uint16_t slots[SLOTS]; /* index + 1 into command_phrases */
static pthread_once_t slots_once = PTHREAD_ONCE_INIT;

static uint32_t hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h ^ h >> 15;
}

static void slots_fill(void)
{
	for (size_t i = 0; command_phrases[i].words != NULL; i++) {
		uint32_t at = hash(command_phrases[i].words, strlen(command_phrases[i].words)) & (SLOTS - 1);
		while (slots[at] != 0)
			at = (at + 1) & (SLOTS - 1);
		slots[at] = (uint16_t)(i + 1);
	}
}

static enum command lookup(const char *s, size_t n)
{
	for (uint32_t at = hash(s, n) & (SLOTS - 1); slots[at] != 0; at = (at + 1) & (SLOTS - 1)) {
		const struct phrase *p = &command_phrases[slots[at] - 1];
		if (strlen(p->words) == n && memcmp(p->words, s, n) == 0)
			return p->command;
	}
	return CMD_NONE;
}

/* The plain letter under a Latin one with marks, else the code point itself. */
static uint32_t unaccent(uint32_t c)
{
	static const char latin[] = "aaaaaaaceeeeiiiidnooooo*ouuuuypsaaaaaaaceeeeiiiidnooooo*ouuuuypy"; /* U+00C0 .. U+00FF */
	if (c >= 0xc0 && c <= 0xff && latin[c - 0xc0] != '*')
		return (uint32_t)latin[c - 0xc0];
	if (c == 0x152 || c == 0x153)
		return 'o';
	return c;
}

enum command_letter command_fold(uint32_t *c)
{
	uint32_t u = *c;
	if (u >= 0xff01 && u <= 0xff5e) /* full width */
		u -= 0xfee0;
	if (u < 0x80) {
		if (u >= 'A' && u <= 'Z')
			u += 'a' - 'A';
		*c = u;
		if ((u >= 'a' && u <= 'z') || (u >= '0' && u <= '9'))
			return LETTER_WORD;
		if (u == '\'' || u == '`')
			return LETTER_APOSTROPHE;
		/* Signs of paths, formulas and code: such a text is not chat. */
		if (u == '=' || u == '\\' || u == '{' || u == '}' || u == '|' || u == '$' || u == '%' || u == '+' || u == '^' ||
		    u == '&')
			return LETTER_BAD;
		return LETTER_BLANK;
	}
	if (u == 0x2019 || u == 0x2018 || u == 0x2bc || u == 0xb4)
		return LETTER_APOSTROPHE;
	if (u == 0x200b || u == 0x200c || u == 0x200d || u == 0xfeff || (u >= 0xfe00 && u <= 0xfe0f) || u == 0xad ||
	    (u >= 0x300 && u <= 0x36f))
		return LETTER_NONE; /* invisible, or a combining mark */
	if (u < 0x250) {
		u = unaccent(u);
		*c = u < 0x80 ? u : (uint32_t)utf8proc_tolower((utf8proc_int32_t)u);
		if (u < 0x80)
			return LETTER_WORD;
	}
	switch (utf8proc_category((utf8proc_int32_t)*c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_ND:
		*c = (uint32_t)utf8proc_tolower((utf8proc_int32_t)*c);
		return LETTER_WORD;
	default:
		return LETTER_BLANK;
	}
}

/*
 * Fold into ${key}: words between single blanks.  An apostrophe vanishes before a single s, t, m or re at the end of an English
 * word ("what's", "don't") and is a blank elsewhere ("l'heure").  False: not UTF-8, or nothing a command could be.
 */
static bool make_key(const char *s, size_t n, char key[KEY_MAX], size_t *key_len)
{
	size_t k = 0;
	bool blank = false;
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t step = utf8_decode(s + i, n - i, &c);
		if (step == 0)
			return false;
		/* An emoji by its short name (":wave:") is decoration. */
		if (c == ':' && i + 2 < n) {
			size_t j = i + 1;
			while (j < n &&
			    ((s[j] >= 'a' && s[j] <= 'z') || (s[j] >= '0' && s[j] <= '9') || s[j] == '_' || s[j] == '-' ||
			        s[j] == '+'))
				j++;
			if (j < n && j > i + 1 && s[j] == ':') {
				blank = true;
				i = j + 1;
				continue;
			}
		}
		i += step;
		bool sharp_s = c == 0xdf;
		switch (command_fold(&c)) {
		case LETTER_BAD:
			return false;
		case LETTER_NONE:
			continue;
		case LETTER_APOSTROPHE: {
			char next = i < n ? (char)(s[i] | 0x20) : '\0';
			bool last = i + 1 >= n || !((s[i + 1] | 0x20) >= 'a' && (s[i + 1] | 0x20) <= 'z');
			bool joined = last && (next == 's' || next == 't' || next == 'm');
			if (!joined)
				blank = true;
			continue;
		}
		case LETTER_BLANK:
			blank = true;
			continue;
		case LETTER_WORD:
			break;
		}
		if (k + 6 > KEY_MAX)
			return false;
		if (blank && k > 0)
			key[k++] = ' ';
		blank = false;
		if (sharp_s)
			key[k++] = 's';
		if (c < 0x80)
			key[k++] = (char)c;
		else
			k += utf8_encode(c, key + k);
	}
	*key_len = k;
	return k > 0;
}

static size_t prefix_len(const char *s, size_t n)
{
	size_t best = 0;
	for (size_t i = 0; prefixes[i] != NULL; i++) {
		const char *p = prefixes[i];
		if (p[0] != s[0])
			continue;
		size_t len = strlen(p);
		if (len < n && len > best && s[len] == ' ' && memcmp(p, s, len) == 0)
			best = len + 1;
	}
	return best;
}

static size_t suffix_len(const char *s, size_t n)
{
	size_t best = 0;
	for (size_t i = 0; suffixes[i] != NULL; i++) {
		const char *p = suffixes[i];
		size_t len = strlen(p);
		if (p[len - 1] != s[n - 1] || len >= n || memcmp(p, s + n - len, len) != 0)
			continue;
		bool whole = s[n - len - 1] == ' ';
		if (!whole && (uint8_t)p[0] < 0x80) /* Japanese has no blanks between words */
			continue;
		if (len + whole > best)
			best = len + whole;
	}
	return best;
}

enum command command_recognise(const char *text, size_t n)
{
	if (n == 0 || n > TEXT_MAX || text == NULL)
		return CMD_NONE;
	char key[KEY_MAX];
	size_t len;
	if (!make_key(text, n, key, &len))
		return CMD_NONE;
	pthread_once(&slots_once, slots_fill);
	const char *s = key;
	for (int round = 0; round < 8; round++) {
		enum command c = lookup(s, len);
		if (c != CMD_NONE)
			return c;
		size_t cut = prefix_len(s, len);
		if (cut > 0) {
			s += cut;
			len -= cut;
			continue;
		}
		cut = suffix_len(s, len);
		if (cut == 0)
			return CMD_NONE;
		len -= cut;
	}
	return CMD_NONE;
}

const char *command_name(enum command c)
{
	static const char *const names[] = { "none", "help", "status", "whoami", "capabilities", "date", "time", "stop", "quiet",
		"come_back", "history", "greeting", "introduce", "late", "handover", "hand_back", "done", "edge", "fork", "forks",
		"resolve", "abandon", "accept", "edit", "discard", "threads", "open", "rename", "archive", "reopen", "settle",
		"summarise", "catch_up", "offer_on", "offer_off", "whole", "search", "remember", "pin", "recall", "why", "forget",
		"forget_me", "private_on", "private_off", "export", "confirm", "decline", "decisions", "link", "unlink",
		"place_closed", "allow_here", "deny_here", "approve", "refuse", "too_much", "decided" };
	return (size_t)c < sizeof(names) / sizeof(names[0]) ? names[c] : "unknown";
}
