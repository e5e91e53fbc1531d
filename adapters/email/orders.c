/*
 * A command by mail is a mail that says nothing else.  People cannot help it to say hello and to sign, so lines that consist of such words and
 * of the sender's name alone do not count; whatever else stands in the mail makes it a message, since half of "accept, but on Monday" must not be
 * obeyed.  The exception is "edit:", whose text is the rest of the mail, or, where that is empty, the quoted draft as it was edited.
 */
#include "orders.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "text_lines.h"

#define ORDER_MAX (64u * 1024u)
#define WORDS_MAX 8
#define EDGE_LINES_MAX 8
#define INTRO_LINES_MAX 4 /* of one intro, as it was broken */

/* Between blanks, so that a word is looked up with its blanks. */
static const char hails[] =
    " hi hey hello dear good morning afternoon evening day all everyone team there hallo guten tag morgen abend liebe lieber liebes moin servus grüezi"
    " bonjour salut bonsoir cher chère hola buenos buenas días tardes querido querida olá ciao buongiorno hej hei please bitte ";
static const char byes[] =
    " thanks thank you thx ty many again in advance a lot so much very best kind kindest regards warm wishes cheers sincerely yours truly faithfully"
    " all the with and have nice great good day evening weekend bye eddy danke dank vielen besten schönen herzlichen lieben mit freundlichen freundlichem"
    " freundliche viele liebe beste herzliche schöne grüße grüßen gruß grüsse grüssen gruss lg vg mfg bg im voraus schon mal dir euch ihnen merci beaucoup"
    " bien cordialement à vous toi salutations bonne journée soirée d'avance par gracias muchas saludos un cordial saludo atentamente de antemano"
    " obrigado obrigada atenciosamente abraço abraços grazie mille cordiali saluti distinti bedankt groet groeten groetjes met vriendelijke tack mvh"
    " hälsningar med vänliga tak takk hilsen venlig vennlig dzięki dziękuję pozdrawiam ";

struct line {
	const char *p;
	size_t n;
};

static struct line line_at(const char *s, size_t n)
{
	const char *end = memchr(s, '\n', n);
	struct line l = { s, end != NULL ? (size_t)(end - s) : n };
	while (l.n > 0 && (unsigned char)l.p[l.n - 1] <= ' ')
		l.n--;
	while (l.n > 0 && (unsigned char)*l.p <= ' ')
		l.p++, l.n--;
	return l;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 || c == '\'';
}

static bool has_word(const char *words, const char *word, size_t n)
{
	char in[80];
	if (n + 3 > sizeof(in))
		return false;
	in[0] = ' ';
	memcpy(in + 1, word, n);
	memcpy(in + 1 + n, " ", 2);
	return strstr(words, in) != NULL;
}

/* All words of the line are among ${words} or ${names}: a line that says nothing. */
static bool says_nothing(struct line l, const char *words, const char *names)
{
	struct buf key = BUF_INIT;
	size_t count = 0;
	bool known = l.n > 0 && l.n < 120 && l.p[0] != '>';
	if (known)
		mail_fold(&key, l.p, l.n, 200);
	for (size_t i = 0; known && i < key.len;) {
		size_t from = i;
		while (i < key.len && is_letter(key.p[i]))
			i++;
		if (i > from) {
			known = ++count <= WORDS_MAX &&
			    (has_word(words, key.p + from, i - from) || has_word(names, key.p + from, i - from));
		} else {
			known = strchr(" ,.!-@:)(", key.p[i]) != NULL; /* a smiley at most, never a question */
			i++;
		}
	}
	buf_done(&key);
	return known && count > 0;
}

/* Words by which somebody signs: " pat example ". */
static void add_names(struct buf *out, const char *s, size_t n)
{
	struct buf key = BUF_INIT;
	mail_fold(&key, s, n, 200);
	for (size_t i = 0; i < key.len; i++)
		buf_add_char(out, is_letter(key.p[i]) ? key.p[i] : ' ');
	buf_add_char(out, ' ');
	buf_done(&key);
}

static char *names_of(const struct orders_from *from)
{
	struct buf b = BUF_INIT;
	buf_add_char(&b, ' ');
	if (from->name != NULL)
		add_names(&b, from->name, strlen(from->name));
	if (from->address != NULL)
		add_names(&b, from->address, strcspn(from->address, "@+"));
	return buf_detach(&b, NULL);
}

/* "Andi", "Pat Example": up to three words with a capital each, as one signs below a closing. */
static bool is_signed(struct line l)
{
	size_t words = 0;
	for (size_t i = 0; i < l.n;) {
		unsigned char c = (unsigned char)l.p[i];
		if (!((c >= 'A' && c <= 'Z') || c >= 0x80) || ++words > 3)
			return false;
		while (i < l.n && l.p[i] != ' ') {
			if (!is_letter((char)(l.p[i] | 0x20)) && strchr(".-,", l.p[i]) == NULL)
				return false;
			i++;
		}
		while (i < l.n && l.p[i] == ' ')
			i++;
	}
	return words > 0;
}

/* Where the line before ${end} starts, blank ones passed over; SIZE_MAX: there is none but the first. */
static size_t line_before(const char *s, size_t *end)
{
	while (*end > 0 && (unsigned char)s[*end - 1] <= ' ')
		--*end;
	const char *start = memrchr(s, '\n', *end);
	return start != NULL ? (size_t)(start + 1 - s) : SIZE_MAX;
}

/* Without the lines at both ends that say nothing. */
static struct line core_of(const char *s, size_t n, const char *names)
{
	for (int i = 0; i < EDGE_LINES_MAX; i++) {
		struct line first = line_at(s, n);
		const char *end = memchr(s, '\n', n);
		if (end == NULL || (first.n > 0 && !says_nothing(first, hails, " eddy ")))
			break;
		n -= (size_t)(end + 1 - s);
		s = end + 1;
	}
	size_t at = line_before(s, &n);
	if (at != SIZE_MAX && is_signed(line_at(s + at, n - at))) {
		size_t end = at, above = line_before(s, &end);
		if (above != SIZE_MAX && says_nothing(line_at(s + above, end - above), byes, " "))
			n = end; /* whatever name it is */
	}
	for (int i = 0; i < EDGE_LINES_MAX; i++) {
		at = line_before(s, &n);
		if (at == SIZE_MAX || !says_nothing(line_at(s + at, n - at), byes, names))
			break;
		n = at;
	}
	return (struct line){ s, n };
}

/* ---- an edited draft ---- */

static bool is_how(struct line l)
{
	static const char *const how[] = { BODY_HOW_ONE, BODY_HOW_MANY, BODY_HOW_EDIT };
	for (size_t i = 0; i < sizeof(how) / sizeof(*how); i++)
		if (l.n > 0 && l.n <= strlen(how[i]) && l.n >= 24 && strncmp(l.p, how[i], l.n) == 0)
			return true;
	return false;
}

static bool is_numbered(struct line l)
{
	size_t digits = 0;
	while (digits < l.n && l.p[digits] >= '0' && l.p[digits] <= '9')
		digits++;
	return digits > 0 && digits < 3 && digits < l.n && l.p[digits] == '.';
}

/* Below the draft stand the choices and how to answer: the text ends before the first of them. */
static size_t without_choices(const char *s, size_t n)
{
	size_t end = n, block = 0; /* where the numbered lines began that are being read */
	bool in_block = false;
	for (size_t i = 0; i < n;) {
		struct line l = line_at(s + i, n - i);
		if (is_how(l)) {
			end = in_block ? block : i;
			break;
		}
		if (l.n > 1 && memcmp(l.p, "1.", 2) == 0) { /* the choices are a list of their own, whatever list is above */
			in_block = true;
			block = i;
		} else if (l.n > 0 && !is_numbered(l)) {
			in_block = false;
		}
		const char *next = memchr(s + i, '\n', n - i);
		i = next != NULL ? (size_t)(next + 1 - s) : n;
	}
	return end;
}

/* Above it stand lines that end in a colon: words with which a mail program quotes, and ours that say what follows. */
static size_t without_intro(const char *s, size_t n)
{
	size_t kept = 0;
	int lines = 0;
	for (size_t i = 0; i < n && lines < INTRO_LINES_MAX;) {
		struct line l = line_at(s + i, n - i);
		const char *next = memchr(s + i, '\n', n - i);
		i = next != NULL ? (size_t)(next + 1 - s) : n;
		if (l.n == 0 && lines == 0)
			continue;
		if (l.n == 0 || strchr("-*#", l.p[0]) != NULL)
			break;
		lines++;
		if (l.p[l.n - 1] == ':') {
			kept = i;
			lines = 0;
		}
	}
	return kept;
}

static void add_unquoted(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		const char *end = memchr(s + i, '\n', n - i);
		size_t len = end != NULL ? (size_t)(end - s) - i : n - i, at = i;
		while (at < i + len && s[at] == '>')
			at += at + 1 < i + len && s[at + 1] == ' ' ? 2u : 1u;
		buf_add(out, s + at, len - (at - i));
		buf_add_char(out, '\n');
		i += len + 1;
	}
}

/* ${arg}: what stands behind "edit:"; nothing there means that the draft below was edited where it is. */
static void add_edited(const struct mail_text *t, const char *arg, size_t n, struct buf *out)
{
	struct buf text = BUF_INIT;
	buf_reset(&text);
	bool typed = n > 0 && *arg != '>';
	if (n > 0)
		add_unquoted(&text, arg, n);
	else
		add_unquoted(&text, t->quoted.p != NULL ? t->quoted.p : "", t->quoted.len);
	size_t to = without_choices(text.p, text.len), from = typed ? 0 : without_intro(text.p, to);
	while (to > from && (unsigned char)text.p[to - 1] <= ' ')
		to--;
	while (from < to && (unsigned char)text.p[from] <= ' ')
		from++;
	buf_add_str(out, "edit:\n");
	buf_add(out, text.p + from, to - from);
	buf_done(&text);
}

/* "edit:" and then nothing. */
static bool is_bare_edit(struct line said, bool in_fork)
{
	char probe[80];
	struct command_call call;
	if (said.n == 0 || said.n + 3 > sizeof(probe) || memchr(said.p, '\n', said.n) != NULL)
		return false;
	memcpy(probe, said.p, said.n);
	memcpy(probe + said.n, "\nx", 3);
	return command_parse(probe, said.n + 2, in_fork, &call) && call.command == CMD_EDIT && call.arg_len == 1;
}

enum command orders_read(const struct mail_text *t, const struct orders_from *from, struct buf *out)
{
	struct command_call call;
	enum command found = CMD_NONE;
	if (t->visible.len == 0 || t->visible.len > ORDER_MAX)
		return CMD_NONE;
	char *names = names_of(from);
	struct line said = core_of(t->visible.p, t->visible.len, names);
	if (is_bare_edit(said, from->in_fork) && t->quoted.len > 0) {
		add_edited(t, "", 0, out);
		found = CMD_EDIT;
	} else if (command_parse(said.p, said.n, from->in_fork, &call)) {
		found = call.command;
		if (found == CMD_EDIT)
			add_edited(t, call.arg, call.arg_len, out);
		else
			buf_add(out, said.p, said.n);
	}
	free(names);
	return found;
}
