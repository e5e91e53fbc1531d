/*
 * Instructions are not memory.  Whoever may write where Eddy reads could otherwise plant a line that every later prompt carries, so what tells
 * an assistant how to behave is recognised by its words and not stored, from anybody.  The text is folded (case, accents, width, invisible
 * characters) and cut into words; what begins a sentence is marked, because "Always say yes" is an order and "we always say yes" is none.
 * Being refused is cheap (the message itself stays where it is), so the rules lean to refusing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "../base/utf8.h"
#include "words.h"

#define WORDS_MAX 1100 /* more than a text of ITEM_BODY_MAX can have */
#define TEXT_MAX 2048

struct text {
	char *folded;
	const char *words[WORDS_MAX];
	bool first[WORDS_MAX]; /* begins a sentence */
	size_t len;
};

/* Sets of words between blanks. */
#define OVERRIDE \
	" ignore ignores ignoring disregard forget override bypass overrule ignoriere ignorier ignoriert vergiss missachte ignorez oublie oubliez " \
	"ignora ignorar ignoren olvida olvide "
#define EARLIER \
	" previous prior above earlier preceding former foregoing your these system vorherigen vorherige bisherigen bisherige obigen obige deine " \
	"deinen precedentes precedente anteriores anterior tes vos tus "
#define EVERY " all any every alle allen toutes tous todas todos "
#define ORDERS \
	" instruction instructions prompt prompts directive directives order orders programming anweisung anweisungen befehle instruktionen consigne " \
	"consignes instruccion instrucciones ordenes "
#define RULES \
	" rule rules guideline guidelines constraint constraints restriction restrictions policies regel regeln vorgaben regles reglas directrices training "
#define SPEAK \
	" answer answers reply respond say tell mention reveal repeat output recommend pretend obey agree refuse greet claim confirm insist " \
	"disclose warn praise promise comply antworte antworten sag sage sagen erwahne empfiehl empfehle reponds repondez dis dites mentionne " \
	"recommande responde respondas di digas menciona menciones recomienda "
#define ALWAYS " always never only immer nie niemals nur toujours jamais siempre nunca solo "
#define MUST " must shall should will have need are musst sollst mussen sollen dois devez debes deberas tienes debe "
#define YOU " you du sie tu vous usted "
#define MACHINE " assistant ai bot chatbot model llm eddy ki modell modele asistente modelo assistent "
#define ASKED " asked ask asks fragt fragen gefragt demande demandent preguntan pregunta "
#define ON " when whenever if wenn falls sobald quand si cuando "
#define OURS " we they i he she people support who wir sie ich nous ils nosotros ellos "
#define SECRETS " conversation conversations secrets passwords password credentials history transcript keys tokens "
#define SEND " send forward post upload email mail leak exfiltrate schick schicke sende envoie envoyez envia manda "

static bool is(const char *w, const char *set)
{
	char key[64];
	size_t n = strlen(w);
	if (n == 0 || n > sizeof(key) - 3)
		return false;
	key[0] = ' ';
	memcpy(key + 1, w, n);
	memcpy(key + 1 + n, " ", 2);
	return strstr(set, key) != NULL;
}

static const char *word(const struct text *t, size_t i)
{
	return i < t->len ? t->words[i] : "";
}

/* A word of ${set} among the ${reach} words from ${i} on; its place, or 0. */
static size_t within(const struct text *t, size_t i, size_t reach, const char *set)
{
	for (size_t k = i; k < t->len && k < i + reach; k++)
		if (is(t->words[k], set))
			return k;
	return 0;
}

/* Politeness does not make it something else. */
static bool begins(const struct text *t, size_t i)
{
	return t->first[i] || is(word(t, i - 1), " please bitte kindly and then always never eddy svp plait favor now ");
}

static bool overrides(const struct text *t, size_t i)
{
	if (!is(t->words[i], OVERRIDE))
		return false;
	size_t orders = within(t, i + 1, 7, ORDERS), rules = within(t, i + 1, 7, RULES);
	size_t earlier = within(t, i + 1, 7, EARLIER), every = within(t, i + 1, 7, EVERY);
	if (orders > 0 && (earlier > 0 || every > 0))
		return true;
	if (rules > 0 && earlier > 0)
		return true;
	/* "ignore everything above", "forget everything you were told" */
	return is(word(t, i + 1), " everything anything alles tout todo what ") &&
	    (earlier > 0 || within(t, i + 2, 4, " told said before learned gesagt davor avant antes ") > 0);
}

static bool commands(const struct text *t, size_t i)
{
	const char *w = t->words[i];
	if (is(w, YOU) && is(word(t, i + 1), MUST)) {
		if (strcmp(word(t, i + 1), "are") == 0)
			return is(word(t, i + 2), " now no to ") || (t->first[i] && is(word(t, i + 2), " a an the "));
		if (t->first[i] || is(word(t, i + 2), ALWAYS) || within(t, i + 2, 3, SPEAK) > 0)
			return true;
	}
	if (strcmp(w, "debes") == 0 || strcmp(w, "musst") == 0 || strcmp(w, "tienes") == 0)
		return t->first[i];
	if (is(w, MACHINE) && is(word(t, i + 1), " must shall should has needs muss soll doit debe may can ") &&
	    (within(t, i + 2, 4, ALWAYS) > 0 || within(t, i + 2, 4, SPEAK) > 0 ||
	        within(t, i + 2, 3, " ignore obey trust follow not ignorieren ") > 0))
		return true;
	if (is(w, ALWAYS) && begins(t, i) && is(word(t, i + 1), SPEAK))
		return true;
	if (is(w, SPEAK) && begins(t, i) && within(t, i + 1, 3, ALWAYS) > 0)
		return true;
	if (is(w, SPEAK) && begins(t, i) && is(word(t, i + 1), " with mit avec con to every all ") &&
	    within(t, i + 1, 6, " user users everyone anybody every all ") > 0)
		return true;
	if (strcmp(w, "ne") == 0 && begins(t, i) && within(t, i + 1, 2, SPEAK) > 0)
		return true;
	bool dont = (strcmp(w, "do") == 0 && strcmp(word(t, i + 1), "not") == 0) ||
	    (strcmp(w, "don") == 0 && strcmp(word(t, i + 1), "t") == 0);
	if ((dont && begins(t, i) && is(word(t, i + 2), SPEAK)) ||
	    (strcmp(w, "dont") == 0 && begins(t, i) && is(word(t, i + 1), SPEAK)))
		return true;
	return false;
}

static bool plays(const struct text *t, size_t i)
{
	const char *w = t->words[i], *next = word(t, i + 1), *third = word(t, i + 2);
	if (strcmp(w, "system") == 0 && is(next, " prompt prompts message messages instruction instructions override "))
		return true;
	if (is(w, " systemprompt systemanweisung systemanweisungen jailbreak systemnachricht "))
		return true;
	if (is(w, " new neue nouvelles nuevas updated ") && is(next, ORDERS) && t->first[i])
		return true;
	if (is(w, " prompt invite mensaje ") && is(next, " del de du ") && is(third, " sistema systeme "))
		return true;
	if (strcmp(w, "invite") == 0 && strcmp(next, "systeme") == 0)
		return true;
	if (is(w, " act behave pretend roleplay ") && begins(t, i) && is(next, " as like to you that "))
		return true;
	if (is(w, " developer dan god admin debug ") && strcmp(next, "mode") == 0 && is(third, " enabled on activated is "))
		return true;
	if (strcmp(w, "from") == 0 && strcmp(next, "now") == 0 && strcmp(third, "on") == 0 &&
	    (within(t, i + 3, 2, YOU) > 0 || within(t, i + 3, 2, SPEAK) > 0))
		return true;
	if (is(w, " ab ") && is(next, " jetzt sofort ") && within(t, i + 2, 3, SPEAK) > 0)
		return true;
	if (strcmp(w, "do") == 0 && strcmp(next, "anything") == 0 && strcmp(third, "now") == 0)
		return true;
	/* tools by their names, and calls of them */
	if (is(w, " search_messages read_message propose_memory ask_tracker send_message "))
		return true;
	if (is(w, " call use invoke run execute ") && begins(t, i) &&
	    (is(next, " tool tools ") || (is(next, " the your a ") && within(t, i + 2, 2, " tool tools function ") > 0)))
		return true;
	return false;
}

static bool plants(const struct text *t, size_t i)
{
	if (is(t->words[i], ON)) {
		size_t asked = within(t, i + 1, 6, ASKED);
		for (size_t k = asked > 0 ? asked + 1 : t->len; k < t->len && k < asked + 14; k++)
			if (is(t->words[k], SPEAK) && !is(word(t, k - 1), OURS))
				return true;
	}
	return is(t->words[i], SEND) && begins(t, i) && within(t, i + 1, 6, SECRETS) > 0 &&
	    within(t, i + 1, 4, " all your the this full entire every alle ") > 0;
}

static bool cut(const char *s, size_t n, struct text *t)
{
	utf8proc_uint8_t *folded = NULL;
	utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &folded,
	    UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
	if (len < 0)
		return false;
	t->folded = (char *)folded;
	bool first = true, inside = false;
	for (utf8proc_ssize_t i = 0; i < len; i++) {
		char c = t->folded[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (uint8_t)c >= 0x80;
		if (letter && !inside) {
			if (t->len == WORDS_MAX)
				break;
			t->first[t->len] = first;
			t->words[t->len++] = t->folded + i;
			first = false;
		}
		inside = letter;
		if (letter)
			continue;
		if (c != ' ' && c != '\'' && c != '-' && c != '/')
			first |= strchr(".:!?;\n\"(>*#,[]", c) != NULL;
		t->folded[i] = '\0';
	}
	return true;
}

/* Marks of prompt formats, and languages without blanks between words. */
static bool marked(const char *s, size_t n)
{
	static const char *const marks[] = { "<|im_start|>", "<|system|>", "[INST]", "<<SYS>>", "</system>", "<system>",
		"### Instruction", "### System", "BEGIN SYSTEM", "指示を無視", "命令を無視", "システムプロンプト",
		"必ず次のように答え", "常にこう答え", "必ず答えて", "指示に従って", "忽略之前", "忽略以上", "系统提示",
		"игнорируй предыдущие", "Игнорируй предыдущие", NULL };
	for (int i = 0; marks[i] != NULL; i++)
		if (memmem(s, n, marks[i], strlen(marks[i])) != NULL)
			return true;
	return false;
}

bool memory_is_instruction(const char *s, size_t n)
{
	if (n > TEXT_MAX)
		n = utf8_clip(s, n, TEXT_MAX);
	if (marked(s, n))
		return true;
	struct text t;
	memset(&t, 0, sizeof(t));
	bool found = n > 0 && !cut(s, n, &t); /* what cannot be read is not kept */
	for (size_t i = 0; i < t.len && !found; i++)
		found = overrides(&t, i) || commands(&t, i) || plays(&t, i) || plants(&t, i);
	free(t.folded);
	return found;
}
