/*
 * The visible text of a mail: which body is read, and what becomes of it.  The rules are in text_cut.c and text_tail.c, the words in text_words.c.
 */
#include <string.h>

#include "mail.h"
#include "text.h"
#include "text_lines.h"

static void cut(const char *text, size_t n, const struct buf *markup, bool forward, struct mail_text *out, struct text_found *found)
{
	struct text_lines l;
	mail_text_lines_init(&l, text, n, markup != NULL ? (const uint8_t *)markup->p : NULL, markup != NULL ? markup->len : 0);
	mail_text_cut(&l, forward, out, found);
	mail_text_lines_done(&l);
}

static void cut_html(const char *html, size_t n, bool forward, struct mail_text *out, struct text_found *found)
{
	struct buf text = BUF_INIT, markup = BUF_INIT;
	mail_html_lines(html, n, &text, &markup);
	cut(text.p != NULL ? text.p : "", text.len, &markup, forward, out, found);
	buf_done(&text);
	buf_done(&markup);
}

void mail_text_plain(const char *text, size_t n, struct mail_text *out)
{
	struct text_found found = { 0 };
	*out = (struct mail_text){ 0 };
	buf_reserve(&out->visible, 0);
	cut(text, n, NULL, false, out, &found);
}

void mail_text_html(const char *html, size_t n, struct mail_text *out)
{
	struct text_found found = { 0 };
	*out = (struct mail_text){ 0 };
	buf_reserve(&out->visible, 0);
	cut_html(html, n, false, out, &found);
}

void mail_html_to_text(const char *html, size_t n, struct buf *out)
{
	mail_html_lines(html, n, out, NULL);
}

/* Something to read, and not a line that tells to look at the HTML. */
static bool is_real(const char *text, size_t n)
{
	struct buf key = BUF_INIT;
	mail_fold(&key, text, n, 400);
	bool words = false;
	for (size_t i = 0; i < key.len && !words; i++)
		words =
		    (key.p[i] >= 'a' && key.p[i] <= 'z') || (key.p[i] >= '0' && key.p[i] <= '9') || (unsigned char)key.p[i] >= 0x80;
	for (size_t i = 0; i < key.len && !words && n < 200; i++) /* "+1", "?", ":-)" */
		words = key.p[i] > ' ' && key.p[i] != '-' && key.p[i] != '_';
	if (words && n < 400 && mail_word_viewer(key.p, key.len))
		words = false;
	buf_done(&key);
	return words;
}

/* Is there anything in the HTML that starts history by itself (html_look.c)?  Most have nothing, and need no second reading. */
static bool html_may_cut(const char *html, size_t n)
{
	static const char *const marks[] = { "divRplyFwdMsg", "appendonsend", "stopSpelling", "zwchr", "__DIVIDER__",
		"mail-editor-reference", "outlook-mobile-reference", "moz-forward-container", "OutlookMessageHeader", "1E1E1",
		"1e1e1", "5C4DF", "5c4df" };
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if (memmem(html, n, marks[i], strlen(marks[i])) != NULL)
			return true;
	return false;
}

void mail_text(const struct mail *m, struct mail_text *out)
{
	struct text_found found = { 0 };
	*out = (struct mail_text){ 0 };
	buf_reserve(&out->visible, 0);
	struct buf subject = BUF_INIT;
	mail_fold(&subject, m->subject != NULL ? m->subject : "", m->subject != NULL ? strlen(m->subject) : 0, 200);
	const bool forward = subject.len > 0 && mail_word_forward_subject(subject.p, subject.len);
	buf_done(&subject);
	const bool plain = m->plain != NULL && m->plain_len > 0, html = m->html != NULL && m->html_len > 0;
	if (plain && (!html || is_real(m->plain, m->plain_len))) {
		cut(m->plain, m->plain_len, NULL, forward, out, &found);
		if (found.cut || !html || !html_may_cut(m->html, m->html_len))
			return;
		/* Plain text that tells nothing of a history that the HTML marks plainly. */
		struct mail_text other = { 0 };
		struct text_found other_found = { 0 };
		buf_reserve(&other.visible, 0);
		cut_html(m->html, m->html_len, forward, &other, &other_found);
		if (other_found.cut_by_markup && other.visible.len > 0 && other.visible.len < out->visible.len) {
			mail_text_done(out);
			*out = other;
		} else {
			mail_text_done(&other);
		}
		return;
	}
	if (html)
		cut_html(m->html, m->html_len, forward, out, &found);
	if (out->visible.len == 0 && out->forwarded.len == 0 && plain) {
		mail_text_done(out);
		*out = (struct mail_text){ 0 };
		buf_reserve(&out->visible, 0);
		cut(m->plain, m->plain_len, NULL, forward, out, &found);
	}
}

void mail_text_done(struct mail_text *t)
{
	buf_done(&t->visible);
	buf_done(&t->forwarded);
	buf_done(&t->quoted);
}
