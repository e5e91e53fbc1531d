/*
 * The words by which a sentence shows what it is, in the languages people write to Eddy in.  A phrase counts where it stands between
 * word ends; in languages without blanks, anywhere.  The lists are short on purpose: each entry is a thing people do write in a thread, and
 * what a phrase cannot tell (whether two sentences speak of the same thing) is found out in digest_sentences.c.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "digest_internal.h"

struct phrase {
	const char *text;
	unsigned sign;
};
#define START 0x10000U   /* only where the sentence begins */
#define NOT_YET 0x20000U /* "not decided": takes the decision away */
#define DEC SIGN_DECISION
#define AGR (SIGN_AGREEMENT | START)
#define PRO SIGN_PROPOSAL
#define COR SIGN_CORRECTION
#define MAY (SIGN_MAYBE_CORRECTION | START)
#define OPN SIGN_OPEN
#define DEF SIGN_DEFERRED
#define POL (SIGN_POLITE | START)
#define WGT SIGN_WEIGHT
#define NOT NOT_YET

static const struct phrase phrases[] = {
	/* decisions */
	{ "decision:", DEC },
	{ "decided:", DEC },
	{ "the decision is", DEC },
	{ "we decided", DEC },
	{ "we have decided", DEC },
	{ "we've decided", DEC },
	{ "is decided", DEC },
	{ "decided to", DEC },
	{ "decided on", DEC },
	{ "let's go with", DEC },
	{ "lets go with", DEC },
	{ "we go with", DEC },
	{ "we'll go with", DEC },
	{ "we will go with", DEC },
	{ "we're going with", DEC },
	{ "we are going with", DEC },
	{ "going with", DEC | START },
	{ "we agreed", DEC },
	{ "we agree on", DEC },
	{ "we agree to", DEC },
	{ "agreed to", DEC },
	{ "agreed on", DEC },
	{ "agreed:", DEC },
	{ "settled on", DEC },
	{ "it's settled", DEC },
	{ "settled:", DEC },
	{ "we settle on", DEC },
	{ "we will use", DEC },
	{ "we'll use", DEC },
	{ "let's use", DEC },
	{ "let's take", DEC },
	{ "let's do", DEC },
	{ "let's stick with", DEC },
	{ "we stick with", DEC },
	{ "conclusion:", DEC },
	{ "final:", DEC },
	{ "we chose", DEC },
	{ "we choose", DEC },
	{ "we picked", DEC },
	{ "we pick", DEC },
	{ "approved:", DEC },
	{ "is approved", DEC },
	{ "entscheidung:", DEC },
	{ "entschieden:", DEC },
	{ "beschluss:", DEC },
	{ "wir haben entschieden", DEC },
	{ "wir entscheiden uns", DEC },
	{ "haben wir entschieden", DEC },
	{ "wir haben uns entschieden", DEC },
	{ "beschlossen", DEC },
	{ "entschieden", DEC },
	{ "geeinigt", DEC },
	{ "wir einigen uns", DEC },
	{ "wir nehmen", DEC },
	{ "nehmen wir", DEC },
	{ "wir machen es", DEC },
	{ "wir bleiben bei", DEC },
	{ "es bleibt bei", DEC },
	{ "dabei bleibt es", DEC },
	{ "festgelegt", DEC },
	{ "ausgemacht", DEC },
	{ "lasst uns", DEC },
	{ "wir gehen mit", DEC },
	{ "décision :", DEC },
	{ "décision:", DEC },
	{ "on a décidé", DEC },
	{ "nous avons décidé", DEC },
	{ "c'est décidé", DEC },
	{ "il est décidé", DEC },
	{ "on part sur", DEC },
	{ "partons sur", DEC },
	{ "on prend", DEC },
	{ "nous prenons", DEC },
	{ "on retient", DEC },
	{ "nous retenons", DEC },
	{ "convenu", DEC },
	{ "validé :", DEC },
	{ "on garde", DEC },
	{ "decisión:", DEC },
	{ "decidimos", DEC },
	{ "hemos decidido", DEC },
	{ "queda decidido", DEC },
	{ "está decidido", DEC },
	{ "vamos con", DEC },
	{ "quedamos en", DEC },
	{ "acordamos", DEC },
	{ "acordado:", DEC },
	{ "hemos acordado", DEC },
	{ "elegimos", DEC },
	{ "nos quedamos con", DEC },
	{ "usaremos", DEC },
	{ "決定", DEC } /* kettei */,
	{ "に決め", DEC } /* ni kime */,
	{ "にしましょう", DEC },
	{ "で行きましょう", DEC },
	{ "でいきましょう", DEC },
	/* and what only looks like one */
	{ "not decided", NOT },
	{ "not yet decided", NOT },
	{ "haven't decided", NOT },
	{ "have not decided", NOT },
	{ "hasn't been decided", NOT },
	{ "nothing decided", NOT },
	{ "not agreed", NOT },
	{ "undecided", NOT },
	{ "nicht entschieden", NOT },
	{ "nichts entschieden", NOT },
	{ "nicht beschlossen", NOT },
	{ "noch offen", NOT },
	{ "pas décidé", NOT },
	{ "pas encore décidé", NOT },
	{ "no hemos decidido", NOT },
	{ "sin decidir", NOT },
	{ "no está decidido", NOT },
	{ "未定", NOT },
	/* agreement with what was just said */
	{ "agreed", AGR },
	{ "deal", AGR },
	{ "sounds good", AGR },
	{ "let's do that", AGR },
	{ "let's do it", AGR },
	{ "makes sense", AGR },
	{ "+1", AGR },
	{ "works for me", AGR },
	{ "einverstanden", AGR },
	{ "abgemacht", AGR },
	{ "so machen wir", AGR },
	{ "passt", AGR },
	{ "machen wir so", AGR },
	{ "d'accord", AGR },
	{ "entendu", AGR },
	{ "ça marche", AGR },
	{ "de acuerdo", AGR },
	{ "vale", AGR },
	{ "hecho", AGR },
	{ "賛成", AGR },
	{ "了解", AGR },
	/* proposals */
	{ "let's", PRO },
	{ "i propose", PRO },
	{ "i suggest", PRO },
	{ "proposal:", PRO },
	{ "we should", PRO },
	{ "we could", PRO },
	{ "how about", PRO },
	{ "what about", PRO },
	{ "i'd go with", PRO },
	{ "i would go with", PRO },
	{ "shall we", PRO },
	{ "should we", PRO },
	{ "i'd use", PRO },
	{ "i would use", PRO },
	{ "i think we", PRO },
	{ "ich schlage vor", PRO },
	{ "vorschlag:", PRO },
	{ "wir sollten", PRO },
	{ "wir könnten", PRO },
	{ "sollen wir", PRO },
	{ "wie wäre", PRO },
	{ "ich würde", PRO },
	{ "je propose", PRO },
	{ "proposition :", PRO },
	{ "on devrait", PRO },
	{ "on pourrait", PRO },
	{ "nous devrions", PRO },
	{ "propongo", PRO },
	{ "sugiero", PRO },
	{ "deberíamos", PRO },
	{ "podríamos", PRO },
	{ "propuesta:", PRO },
	{ "提案", PRO },
	/* corrections that say so */
	{ "correction:", COR },
	{ "correction :", COR },
	{ "scratch that", COR },
	{ "no, make it", COR },
	{ "make that", COR | START },
	{ "make it", COR | START },
	{ "let's make it", COR },
	{ "actually, make it", COR },
	{ "on second thought", COR },
	{ "on second thoughts", COR },
	{ "i was wrong", COR },
	{ "i misspoke", COR },
	{ "change of plan", COR },
	{ "change of plans", COR },
	{ "changed my mind", COR },
	{ "we changed our mind", COR },
	{ "rather than", COR },
	{ "instead of", COR },
	{ "instead", COR },
	{ "not anymore", COR },
	{ "no longer", COR },
	{ "forget that,", COR },
	{ "i take that back", COR },
	{ "sorry, i meant", COR },
	{ "i meant", COR },
	{ "we switch to", COR },
	{ "let's switch to", COR },
	{ "update:", COR },
	{ "edit:", COR },
	{ "korrektur:", COR },
	{ "doch lieber", COR },
	{ "lieber doch", COR },
	{ "doch nicht", COR },
	{ "stattdessen", COR },
	{ "anstatt", COR },
	{ "statt", COR },
	{ "sondern", COR },
	{ "nein, doch", COR },
	{ "ich habe mich geirrt", COR },
	{ "ich meinte", COR },
	{ "planaenderung", COR },
	{ "planänderung", COR },
	{ "nicht mehr", COR },
	{ "au lieu de", COR },
	{ "au lieu du", COR },
	{ "finalement", COR },
	{ "plutôt", COR },
	{ "je me suis trompé", COR },
	{ "je voulais dire", COR },
	{ "changement de plan", COR },
	{ "rectification", COR },
	{ "corrección:", COR },
	{ "mejor dicho", COR },
	{ "en lugar de", COR },
	{ "en vez de", COR },
	{ "me equivoqué", COR },
	{ "quería decir", COR },
	{ "cambio de plan", COR },
	{ "cambio de planes", COR },
	{ "al final", COR | START },
	{ "no, mejor", COR },
	{ "訂正", COR },
	{ "やっぱり", COR },
	/* and that may be one */
	{ "actually", MAY },
	{ "no,", MAY },
	{ "nope", MAY },
	{ "wait", MAY },
	{ "hmm, actually", MAY },
	{ "well, actually", MAY },
	{ "sorry,", MAY },
	{ "better:", MAY },
	{ "but actually", MAY },
	{ "then rather", MAY },
	{ "ah no", MAY },
	{ "oh no", MAY },
	{ "eigentlich", MAY },
	{ "nein,", MAY },
	{ "moment,", MAY },
	{ "doch", MAY },
	{ "dann lieber", MAY },
	{ "lieber", MAY },
	{ "besser", MAY },
	{ "en fait", MAY },
	{ "non,", MAY },
	{ "attendez", MAY },
	{ "pardon,", MAY },
	{ "en realidad", MAY },
	{ "espera", MAY },
	{ "perdón,", MAY },
	{ "mejor", MAY },
	{ "実は", MAY },
	{ "いや", MAY },
	/* open */
	{ "open question", OPN },
	{ "still open", OPN },
	{ "unclear", OPN },
	{ "tbd", OPN },
	{ "to be decided", OPN },
	{ "to be determined", OPN },
	{ "we don't know", OPN },
	{ "nobody knows", OPN },
	{ "not decided", OPN },
	{ "not yet decided", OPN },
	{ "haven't decided", OPN },
	{ "have not decided", OPN },
	{ "undecided", OPN },
	{ "offene frage", OPN },
	{ "noch offen", OPN },
	{ "ist offen", OPN },
	{ "unklar", OPN },
	{ "noch nicht entschieden", OPN },
	{ "question ouverte", OPN },
	{ "à clarifier", OPN },
	{ "pas clair", OPN },
	{ "pas encore décidé", OPN },
	{ "pregunta abierta", OPN },
	{ "por aclarar", OPN },
	{ "no está claro", OPN },
	{ "no hemos decidido", OPN },
	{ "未定", OPN },
	/* put off */
	{ "postpone", DEF },
	{ "postponed", DEF },
	{ "defer", DEF },
	{ "deferred", DEF },
	{ "park", DEF },
	{ "parked", DEF },
	{ "out of scope", DEF },
	{ "not now", DEF },
	{ "for later", DEF },
	{ "later:", DEF },
	{ "do that later", DEF },
	{ "do it later", DEF },
	{ "next sprint", DEF },
	{ "next quarter", DEF },
	{ "next release", DEF },
	{ "next version", DEF },
	{ "follow-up", DEF },
	{ "follow up on", DEF },
	{ "backlog", DEF },
	{ "can wait", DEF },
	{ "another time", DEF },
	{ "revisit", DEF },
	{ "vertagen", DEF },
	{ "vertagt", DEF },
	{ "verschieben", DEF },
	{ "verschoben", DEF },
	{ "zurückgestellt", DEF },
	{ "zurückstellen", DEF },
	{ "später", DEF },
	{ "nächsten sprint", DEF },
	{ "erst mal nicht", DEF },
	{ "plus tard", DEF },
	{ "reporter", DEF },
	{ "reporté", DEF },
	{ "repoussé", DEF },
	{ "hors sujet", DEF },
	{ "prochain sprint", DEF },
	{ "más tarde", DEF },
	{ "posponer", DEF },
	{ "aplazar", DEF },
	{ "aplazado", DEF },
	{ "más adelante", DEF },
	{ "fuera de alcance", DEF },
	{ "próximo sprint", DEF },
	{ "後で", DEF },
	{ "延期", DEF },
	/* small talk */
	{ "hi", POL },
	{ "hello", POL },
	{ "hey", POL },
	{ "thanks", POL },
	{ "thank you", POL },
	{ "thx", POL },
	{ "good morning", POL },
	{ "good evening", POL },
	{ "ok", POL },
	{ "okay", POL },
	{ "cool", POL },
	{ "great", POL },
	{ "nice", POL },
	{ "lol", POL },
	{ "haha", POL },
	{ "yes", POL },
	{ "yep", POL },
	{ "sure", POL },
	{ "bye", POL },
	{ "cheers", POL },
	{ "welcome", POL },
	{ "you're welcome", POL },
	{ "no problem", POL },
	{ "hallo", POL },
	{ "moin", POL },
	{ "guten", POL },
	{ "danke", POL },
	{ "vielen dank", POL },
	{ "super", POL },
	{ "prima", POL },
	{ "gerne", POL },
	{ "ja", POL },
	{ "tschüss", POL },
	{ "bonjour", POL },
	{ "salut", POL },
	{ "merci", POL },
	{ "parfait", POL },
	{ "oui", POL },
	{ "hola", POL },
	{ "buenos días", POL },
	{ "gracias", POL },
	{ "perfecto", POL },
	{ "sí", POL },
	{ "genial", POL },
	{ "ありがとう", POL },
	/* what is worth keeping */
	{ "important", WGT },
	{ "because", WGT },
	{ "the cause", WGT },
	{ "root cause", WGT },
	{ "deadline", WGT },
	{ "must", WGT },
	{ "problem is", WGT },
	{ "it turns out", WGT },
	{ "turns out", WGT },
	{ "result:", WGT },
	{ "measured", WGT },
	{ "the reason", WGT },
	{ "blocked", WGT },
	{ "i'll", WGT },
	{ "i will", WGT },
	{ "todo", WGT },
	{ "action:", WGT },
	{ "wichtig", WGT },
	{ "weil", WGT },
	{ "ursache", WGT },
	{ "frist", WGT },
	{ "ergebnis", WGT },
	{ "gemessen", WGT },
	{ "muss", WGT },
	{ "müssen", WGT },
	{ "parce que", WGT },
	{ "la cause", WGT },
	{ "résultat", WGT },
	{ "mesuré", WGT },
	{ "il faut", WGT },
	{ "porque", WGT },
	{ "la causa", WGT },
	{ "resultado", WGT },
	{ "hay que", WGT },
	{ "importante", WGT },
	{ "plazo", WGT },
};

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Which pairs of bytes a sentence has: most phrases are ruled out by their first two pairs. */
struct pairs {
	uint64_t bits[64];
};
static unsigned pair_of(const char *s)
{
	return ((unsigned)(unsigned char)s[0] * 37U + (unsigned char)s[1]) & 4095U;
}

static bool has_pair(const struct pairs *p, const char *s)
{
	unsigned at = pair_of(s);
	return p->bits[at / 64] >> (at % 64) & 1;
}

static bool has(const char *norm, size_t n, const struct pairs *seen, const char *p, bool start)
{
	if (start ? p[0] != norm[0] : p[1] != '\0' && !(has_pair(seen, p) && (p[2] == '\0' || has_pair(seen, p + 1))))
		return false;
	size_t k = strlen(p);
	if (start && (k > n || memcmp(norm, p, k) != 0))
		return false;
	bool free_ends = (unsigned char)p[0] >= 0xe3;
	for (const char *at = norm; k <= n;) {
		at = memmem(at, n - (size_t)(at - norm), p, k);
		if (at == NULL || (start && at != norm))
			return false;
		bool front = at == norm || !is_word_byte(at[-1]) || !is_word_byte(p[0]);
		bool back = at + k == norm + n || !is_word_byte(at[k]) || !is_word_byte(p[k - 1]);
		if (free_ends || (front && back))
			return true;
		at++;
	}
	return false;
}

unsigned digest_signs(const char *norm, size_t n)
{
	unsigned signs = 0;
	while (n > 0 && strchr("*_~\"'`(", norm[0]) != NULL) {
		norm++;
		n--;
	}
	if (n == 0)
		return 0;
	struct pairs seen = { { 0 } };
	for (size_t i = 0; i + 1 < n; i++)
		seen.bits[pair_of(norm + i) / 64] |= (uint64_t)1 << (pair_of(norm + i) % 64);
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		const struct phrase *p = &phrases[i];
		if ((signs & p->sign & 0xffffU) != (p->sign & 0xffffU) || (p->sign & NOT_YET))
			if (has(norm, n, &seen, p->text, p->sign & START))
				signs |= p->sign & ~START;
	}
	if (signs & NOT_YET)
		signs &= ~(unsigned)(SIGN_DECISION | SIGN_AGREEMENT);
	return signs & 0xffffU;
}

/* Too common to say that two sentences speak of the same thing. */
static const char *const common[] = { "aber", "about", "actually", "after", "again", "agreed", "aus", "alle", "also", "and", "any",
	"are", "auch", "auf", "avec", "avons", "back", "because", "been", "bei", "but", "can", "can't", "che", "como", "con",
	"could", "dans", "das", "dass", "dem", "den", "der", "des", "die", "did", "doch", "does", "don't", "dann", "ein", "eine",
	"einen", "einer", "else", "est", "esta", "este", "eso", "for", "from", "für", "get", "gibt", "going", "good", "had", "has",
	"hat", "haben", "have", "hay", "her", "here", "his", "how", "i'd", "i'll", "i'm", "ich", "ihr", "instead", "into", "ist",
	"it's", "its", "jetzt", "just", "kann", "las", "les", "let's", "lets", "lieber", "like", "los", "mais", "make", "mal",
	"man", "may", "mehr", "mit", "more", "much", "muy", "nach", "nein", "new", "nicht", "noch", "non", "not", "nous", "now",
	"nur", "oder", "of", "off", "okay", "one", "only", "our", "out", "par", "para", "pas", "plus", "por", "pour", "que", "qui",
	"really", "say", "see", "sehr", "she", "should", "sich", "sie", "sind", "sobre", "some", "sont", "sur", "than", "that",
	"that's", "the", "their", "them", "then", "there", "they", "think", "this", "too", "una", "und", "une", "uns", "use",
	"used", "using", "vom", "von", "vous", "very", "war", "was", "we'll", "we're", "well", "wenn", "wer", "were", "what",
	"when", "where", "which", "who", "why", "will", "wir", "wird", "with", "would", "yes", "you", "your", "zum", "zur",
	"über" };
static const char *const days[] = { "demain", "dienstag", "dimanche", "domingo", "donnerstag", "freitag", "friday", "heute", "hoy",
	"jeudi", "jueves", "lundi", "lunes", "mañana", "mardi", "martes", "mercredi", "mittwoch", "miércoles", "monday", "montag",
	"morgen", "samedi", "samstag", "saturday", "sonntag", "sunday", "sábado", "thursday", "today", "tomorrow", "tuesday",
	"vendredi", "viernes", "wednesday" };
static const char *const months[] = { "abril", "agosto", "april", "août", "august", "avril", "december", "dezember", "diciembre",
	"décembre", "enero", "febrero", "februar", "february", "february", "février", "januar", "january", "janvier", "juillet",
	"juin", "juli", "julio", "july", "june", "juni", "junio", "mai", "march", "mars", "marzo", "mayo", "märz", "november",
	"noviembre", "novembre", "october", "octobre", "octubre", "oktober", "september", "septembre", "septiembre" };

static bool listed(const char *const *list, size_t len, const char *w, size_t n)
{
	for (size_t i = 0; i < len; i++) {
		if (list[i][0] == w[0] && strlen(list[i]) == n && memcmp(list[i], w, n) == 0)
			return true;
	}
	return false;
}
#define LISTED(list) listed(list, sizeof(list) / sizeof((list)[0]), w, n)

enum digest_word digest_word_kind(const char *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (isdigit((unsigned char)w[i]))
			return WORD_NUMBER;
	}
	if (LISTED(days))
		return WORD_DAY;
	if (LISTED(months))
		return WORD_MONTH;
	if (n < 3 || LISTED(common))
		return WORD_NONE;
	return WORD_PLAIN;
}
