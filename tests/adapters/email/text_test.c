/*
 * The message of a mail told from what is around it, and what people write that only looks like a quote, a header or a signature.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../../adapters/email/mail.h"
#include "text_kit.h"
#include "../../../core/base/mem.h"
#include "../../support/cost.h"

/* What people write that only looks like a quote, a header or a signature: not a word of it may go. */
static const char *const kept[] = {
	"On Monday he wrote: hello",
	"On Monday he wrote:\n\n  \"it is not\"\n\nSo please ask her.",
	"On 6 May 2024 our customer wrote:\n\nThe pump leaks.\n\nWhat shall we do?",
	"On 6 May 2024 I wrote the following to them:\n\nThe pump leaks.\n\nNo answer so far.",
	"As you wrote on 6 May 2024, you need the following:\n\n- a pump\n- a hose",
	"Am 6. Mai 2024 schrieb ich Ihnen:\n\nDie Pumpe ist undicht.\n\nBitte antworten Sie.",
	"In der Mail vom 6. Mai 2024 um 9:12 schrieb er:\n\nalles gut.\n\nStimmt das?",
	"Le 6 mai 2024, il a écrit :\n\nla pompe fuit.\n\nQue faire ?",
	"El 6 de mayo ella escribió:\n\nno funciona.\n\n¿Qué hago?",
	"Meeting on 6 May 2024 at 9:12 with pat@example.com:\n\n- budget\n- staff\n\nPlease prepare it.",
	"From: the beginning\nTo: the end\n\nRead all of it, please.",
	"Please book a trip.\n\nFrom: Berlin\nTo: Munich\nDate: 6 May 2024 at 9:12\nSeats: 2\n\nThanks",
	"Von: Berlin\nNach: München\nDatum: 6. Mai 2024\n\nBitte buchen.",
	"Subject: we need a new one\nDate: to be found\n\nCan you help?",
	"To: do\nFrom: scratch\n\n1. write\n2. test",
	"The log says:\n\nFrom: 10.0.0.1\nTo: 10.0.0.2\nDate: 2024-05-06 09:12:00\n\nWhat is wrong?",
	"Run this:\n\n> npm install\n> npm start\n\nThen tell me what you see.",
	"Run this:\n\n> npm install\n> npm start",
	"x > y\n> z is what I get\n\nIs that right?",
	"The original message was lost. Send it again, please.",
	"Original message: see the ticket.",
	"I have forwarded the message to Ann.\n\nForwarded messages are kept for a year, right?",
	"Should we say \"reply above this line\" in our mails?",
	"Please reply to this mail only.",
	"This was sent from my phone company, not from the bank.\n\nCan you check that?",
	"Sent from our warehouse yesterday, the parcel should arrive today.\n\nPlease track it.",
	"The parcels were\nsent from Berlin\nand never arrived.",
	"Gesendet habe ich das Paket gestern.\n\nBitte prüfen.",
	"We use -- as you know -- two dashes.\n\nIs that fine?",
	"Steps:\n-- open it\n-- close it\n\nDone.",
	"Summary\n---\nAll is well.\n---\nNext steps\n\nShip it.",
	"Title\n=====\n\nText below.",
	"Part one\n--\nPart two is long enough to be a part of the text\n--\nPart three",
	"- one\n- two\n- three",
	"* one\n* two",
	"1. one\n2. two",
	"Is this e-mail confidential?",
	"Please translate the following:\n\nThis e-mail is confidential and meant for the addressee only. If you got it by mistake, delete it.",
	"Our disclaimer must name the intended recipient. Can you write one?",
	"Please unsubscribe me from the mailing list.",
	"Please add the contact:\n\nJohn Doe\nPresident\njohn@example.com\n+1 555 0100 200",
	"My address:\n\nPat Example\n1 Main Street\npat@example.com",
	"Call me: +49 30 1234567",
	"Here is the code:\n\n```\nif (a > b)\n> quoted\n```",
	"Thanks,\nPat",
	"Hi\n\nOK for me.\n\nBest regards\nPat Example",
	"-1 from me",
	"- Pat agrees",
	"+1",
	"?",
	"👍",
	"On the surface it looks good.\nOn the other hand, we should wait.",
	"On 6 May 2024 at 9:12 the server went down. See http://example.org/wrote:",
	"At 9:12 on 2024-05-06 the error was:\n\ndisk full",
	"Error on 2024-05-06 09:12:33 for user pat@example.org:\n\ndisk full\n\nWhat now?",
	"2024-05-06 09:12:33 pat@example.org logged in\n2024-05-06 09:13:00 pat@example.org logged out\n\nIs this normal?",
	"pat@example.org wrote to us, and ann@example.org too.\n\nWho answers?",
	"She said: it is fine.",
	"Pat said:\n\nit is fine.\n\nDo you agree?",
	"Note from 06.05.2024 09:12:\n\nAll fine.",
	"A: yes\nB: no\nC: maybe",
	"An: alle\nBetreff\nhallo",
	"De: la casa\nA: la oficina",
	"Q: from whom?\nA: from Pat",
	"Die Mail kam von: pat@example.org\nund ging an: ann@example.org\n\nWer ist das?",
	"He wrote \"Sent from my iPhone\" below it.",
	"Invoice\n_______\nTotal: 12 EUR\n\nPlease pay.",
	"I got this error:\n-----\nconnection refused\n-----\nWhat does it mean?",
	"Get Outlook working again, please.",
	"get me the report\n\nfrom Monday on",
	"PS: the key is under the mat.",
	"Hi\n\nOur contract says it is confidential and that the recipient must not share it. Is that usual?",
	"Hi\n\nthis is confidential, please do not tell the other recipients.",
	"Hallo\n\ndas ist vertraulich, bitte nicht an andere Empfänger weitergeben.",
	"Please draft a reply.\n\n- polite\n- short\n\nIt is confidential; the addressee is our client, and this must not get to anybody else in the company.",
	"Hi\n\n--\n\nmore text that goes on here and is not a signature at all because it is a sentence. It has several.\n\nAnd a question, right?",
	"Warning: this came from an external sender. Is it safe?\n\nPat",
	"Can you check https://www.avast.com/ for me?",
	"Text.\n\nPlease compare www.avg.com and www.avast.com",
	"Please write a footer: you are receiving this because you signed up.",
	"Hi,\n\nthe mail said:\nThis email has been scanned\nIs that true?",
	"Hi,\n\nthe mail says:\n\nTo unsubscribe from this list, write to us.",
	"Summarize this chat:\n\n2024-05-06 09:12 Ann <ann@example.com>:\nThe room is taken\n\n2024-05-06 09:15 Bo <bo@example.com>:\nOK",
	"I have a question about this text:\n\n\"On Monday, May 6, 2024 at 9:12 AM Ann <ann@example.com> wrote: hi\"\n\nWhat does it mean?",
	"Minutes\n-------\nFrom: 9:00\nTo: 10:00\n\npat@example.com",
	"Traceback:\n  File \"x.py\"\nFrom: a\n\nOn 2024-05-06 09:12:00,123 ERROR: failed\n\nWhy?",
	"Von meinem Handy aus kann ich nichts sehen.\n\nBitte senden Sie es noch einmal.",
	"From my iPhone I can't open the link.\n\nPlease send it again.",
	"Outlook for Mac crashes when I open it.\n\nWhat can I do?",
	"Sent by courier, they said.\n\nIs it there?",
	"Sent by mail on Monday.\n\nIs it there?",
	"Sent via DHL, the app says tomorrow.\n\nIs that right?",
	"Das habe ich vom iPhone gesendet\n\nKam es an?",
	"Gesendet per Post.\n\nKam es an?",
	"I got this:\n\nFrom: spam@example.org\nSubject: You have won\n\nIs it real?",
	"Visit us now\n>>> >>>  http://www.example.com <<<\nVisit our site by the link above",
	"Today at 9:12 pat@example.com wrote:\n\nThe pump leaks.\n\nWhat shall we do?",
	"Am 6. Mai 2024 schrieb Frau Schmidt:\n\nDie Pumpe leckt.\n\nWas tun?",
	"On May 6, 2024 Ann Smith said:\n\nit leaks.\n\nDo you agree?",
	"Ann wrote me on 6 May 2024 at 9:12 the following:\n\nit leaks.\n\nDo you agree?",
	"I tried this:\n\n>>> import room\n>>> room.book()",
	"I tried this\n\n>>> import room\n>>> room.book()\n\nand it fails.",
	"The report of 6 May 2024, 9:12, which Ann Example has written:\n\n- it leaks\n- it is old\n\nShorten it.",
	"Please forward this to Ann.\n\nShe knows the original message.",
	"Reply above this line, it says. Why?",
	"Can you write above this line as well?",
	"Das steht in der ursprünglichen Nachricht.\n\nBitte lesen.",
	"Best regards,\n\nPat Example\nHead of Rooms\npat@example.com\nwww.example.com",
	"De: 9 h\nA: 17 h\nFecha: 6 de mayo de 2024\n\nReserve la sala.",
	"Date: Monday, 6 May 2024\nTo: all of us\nSubject: lunch\n\nWho comes?",
};

static void sentences__stay__that_look_like_quotes(void **state)
{
	(void)state;
	failures = 0;
	for (size_t i = 0; i < COUNT(kept); i++)
		expect(kept[i], kept[i], "must stay");
	assert_int_equal(failures, 0);
}

/* ---- answers among quotes, and what is left over ---- */
struct sample {
	const char *what, *text, *visible;
	bool has_inline;
};
static const struct sample samples[] = {
	{ "answers inline keep the lines they answer",
	    "On Mon, May 6, 2024 at 9:12 AM " B
	    " wrote:\n> Which room?\n\nRoom B.\n\n> For how many?\n> Please be exact.\n\nEight.\n\n> Thanks\n> Bot\n",
	    "On Mon, May 6, 2024 at 9:12 AM " B
	    " wrote:\n> Which room?\n\nRoom B.\n\n> For how many?\n> Please be exact.\n\nEight.",
	    true },
	{ "one answer in the middle of a quote",
	    "On Mon, May 6, 2024 at 9:12 AM " B " wrote:\n> Which room?\n\nRoom B.\n\n> Thanks\n> Bot\n",
	    "On Mon, May 6, 2024 at 9:12 AM " B " wrote:\n> Which room?\n\nRoom B.", true },
	{ "text between what a phone adds and the quote",
	    "Yes.\n\nSent from my iPhone\n\nAnd bring the key.\n\nOn Mon, May 6, 2024 at 9:12 AM " B " wrote:\n> Which room?\n",
	    "Yes.\n\n\nAnd bring the key.", false },
	{ "an address in a paragraph of its own",
	    "One\n\nOn Thu, 31 Mar 2016 at 11:16 Some One\n\n<\nmailto:Some One <some.one@example.org>\n> wrote:\n\n\nTwo\n", "One",
	    false },
	{ "a gateway's warning above",
	    "CAUTION: This email originated from outside of the organization. Do not click links.\n\nRoom B.\n", "Room B.", false },
	{ "a gateway's warning in German", "Achtung: Diese E-Mail kommt von einem externen Absender.\n\nRaum B.\n", "Raum B.",
	    false },
	{ "a warning of a person", "Caution: the paint is wet.\n\nRoom B.\n", "Caution: the paint is wet.\n\nRoom B.", false },
	{ "only a gateway's warning", "CAUTION: This email originated from outside of the organization.\n",
	    "CAUTION: This email originated from outside of the organization.", false },
	{ "headers as a table",
	    "B.\n\n---- 回复的原邮件 ----\n| 发件人 | Bot<bot@example.org> |\n| 发送日期 | 2024年05月06日 09:12 |\n| 收件人 | Pat |\n| 主题 | 房间 |\n哪个\n",
	    "B.", false },
	{ "header lines above an attribution",
	    "Б.\n\nКому: pat@example.com;\nТема: Комната;\n06.05.2024, 09:12, \"Bot\" <bot@example.org>:\n> Какая?\n", "Б.",
	    false },
	{ "a picture of a signature", "B.\n\n[cid:image001.png@01DA9F]\n", "B.", false },
	{ "a link that lost its mark",
	    "Fine.\n\nOn Mon, May 6, 2024 at 9:12 AM " B " wrote:\n> Post an answer\n>\n (http://example.com/c/1) >\n> Bot\n",
	    "Fine.", false },
	{ "a date and an address", "Fine.\n\n2024/5/6 Teammate Bot <bot@example.org>\n\n> Which room?\n", "Fine.", false },
	{ "two header lines", "8.45 is fine\n\nFrom: bot@example.org\nDate: Mon, 6 May 2024 00:15:02 -0600\n\nWhen?\n",
	    "8.45 is fine", false },
	{ "data between lines of asterisks", "Sure\n\n**********\nPat Example\npat@example.com\n**********\n", "Sure", false },
	{ "inline without an attribution", "See below.\n\n> Which room?\n\nB.\n\n> When?\n\nNow.\n",
	    "See below.\n\n> Which room?\n\nB.\n\n> When?\n\nNow.", true },
	{ "a quote with an answer below stays when nobody says who wrote it", "> Which room?\n\nRoom B.\n",
	    "> Which room?\n\nRoom B.", true },
	{ "an answer below an attributed quote", "On 06/05/2024 09:12, Teammate Bot wrote:\n> Which room?\n> \n> Bot\n\nRoom B.\n",
	    "Room B.", false },
	{ "several depths",
	    "Fine.\n\nOn Tue, May 7, 2024 at 8:00 AM Ann <ann@example.com> wrote:\n\n> Good\n>\n> On Mon, May 6, 2024 at 9:12 AM " B
	    " wrote:\n>\n>> Which room?\n>>\n>>> deeper\n",
	    "Fine.", false },
	{ "quotes whose marks were lost in wrapping",
	    "Fine.\n\nOn Mon, May 6, 2024 at 9:12 AM " B
	    " wrote:\n> This is a long line of the quoted mail that some program has wrapped so\nthat its end has no mark\n> and it goes on like this for a while, with yet another line that is too\nlong\n",
	    "Fine.", false },
	{ "only a quote: all of it", "> Which room?\n> Bot\n", "> Which room?\n> Bot", false },
	{ "only an attributed quote: all of it", "On Mon, May 6, 2024 at 9:12 AM " B " wrote:\n> Which room?\n",
	    "On Mon, May 6, 2024 at 9:12 AM " B " wrote:\n> Which room?", false },
	{ "only a header block and its text",
	    "From: Ann <ann@example.com>\nSent: Monday, May 6, 2024 9:12 AM\nTo: Pat\nSubject: Room\n\nRoom A is taken.\n",
	    "From: Ann <ann@example.com>\nSent: Monday, May 6, 2024 9:12 AM\nTo: Pat\nSubject: Room\n\nRoom A is taken.", false },
	{ "only a forwarded mail: its text",
	    "---------- Forwarded message ---------\nFrom: Ann <ann@example.com>\nDate: Mon, May 6, 2024 at 9:12 AM\nSubject: Room\nTo: Pat <pat@example.com>\n\n\nRoom A is taken.\n",
	    "Room A is taken.", false },
	{ "only a signature", "\n-- \nPat Example\n", "", false },
	{ "nothing", "", "", false },
	{ "blanks", " \n\t\n\xc2\xa0\n", "", false },
	{ "the attribution in the line of the answer", "ok On Mon, May 6, 2024 at 9:12 AM, " B " wrote:\n> Ready?\n", "ok", false },
	{ "no blank line above the attribution", "Fine with me.\nOn Mon, May 6, 2024 at 9:12 AM " B " wrote:\n> Ready?\n",
	    "Fine with me.", false },
	{ "an address in the line above the attribution",
	    "Ask ann@example.com about it.\nOn Mon, May 6, 2024 at 9:12 AM " B " wrote:\n> Ready?\n",
	    "Ask ann@example.com about it.", false },
	{ "a sentence with a date above the attribution",
	    "I come on 6 May 2024.\nOn Mon, May 6, 2024 at 9:12 AM " B " wrote:\n> Ready?\n", "I come on 6 May 2024.", false },
	{ "a postscript below what the phone adds", "Yes.\n\nSent from my iPhone\n\nPS: bring the key\n",
	    "Yes.\n\n\nPS: bring the key", false },
	{ "line ends of Windows, a byte order mark",
	    "\xef\xbb\xbfYes.\r\n\r\nOn Mon, May 6, 2024 at 9:12 AM " B " wrote:\r\n> Ready?\r\n", "\xef\xbb\xbfYes.", false },
	{ "code with marks of quotes", "Try this:\n\n```\n> a\n-- \nFrom: x@example.org\nTo: y\nSubject: z\n```\n\nDoes it work?\n",
	    "Try this:\n\n```\n> a\n--\nFrom: x@example.org\nTo: y\nSubject: z\n```\n\nDoes it work?", false },
};

static void message__is_told__from_what_is_around_it(void **state)
{
	(void)state;
	failures = 0;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct mail_text t;
		mail_text_plain(samples[i].text, strlen(samples[i].text), &t);
		if (strcmp(t.visible.p, samples[i].visible) != 0 || t.has_inline != samples[i].has_inline) {
			print_error("%s\n--- got (inline %d)\n%s\n---\n", samples[i].what, t.has_inline, t.visible.p);
			failures++;
		}
		mail_text_done(&t);
	}
	assert_int_equal(failures, 0);
}

static void quoted__holds__the_history_without_marks(void **state)
{
	(void)state;
	static const char text[] = "Yes.\n\nOn 06/05/2024 09:12, Teammate Bot wrote:\n> Which room?\n>> deeper\n";
	struct mail_text t;
	mail_text_plain(text, sizeof text - 1, &t);
	assert_string_equal(t.quoted.p, "On 06/05/2024 09:12, Teammate Bot wrote:\nWhich room?\ndeeper");
	assert_int_equal(t.forwarded.len, 0);
	mail_text_done(&t);
}

static void mail__gives__the_better_of_its_bodies(void **state)
{
	(void)state;
	static const struct {
		const char *plain, *html, *subject, *visible, *forwarded;
	} cases[] = {
		{ "Plain.", "<p>HTML.</p>", "", "Plain.", "" },
		{ " \n", "<p>HTML.</p>", "", "HTML.", "" },
		{ NULL, "<p>HTML.</p>", "", "HTML.", "" },
		{ "Your mail program does not support HTML.", "<p>HTML.</p>", "", "HTML.", "" },
		{ "This message needs an HTML viewer", "<p>HTML.</p>", "", "HTML.", "" },
		{ "👍", "<p>HTML.</p>", "", "👍", "" },
		{ "+1", "<p>HTML.</p>", "", "+1", "" },
		{ "Plain.", NULL, "", "Plain.", "" },
		{ NULL, NULL, "", "", "" },
		{ "Plain.", "<p></p>", "", "Plain.", "" },
		{ "", "<p></p>", "", "", "" },
		/* the HTML knows where the history starts, the plain text does not */
		{ "Yes.\n\nXfrom Bot\nWhich room?", "<p>Yes.</p><div id=\"divRplyFwdMsg\">Xfrom Bot</div><p>Which room?</p>",
		    "Re: x", "Yes.", "" },
		/* the same header block is history in an answer and a forwarded mail in a forwarding one */
		{ "Look.\n\nFrom: Ann <ann@example.com>\nSent: Monday, May 6, 2024 9:12 AM\nTo: Pat\nSubject: Room\n\nTaken.", NULL,
		    "FW: Room", "Look.",
		    "From: Ann <ann@example.com>\nSent: Monday, May 6, 2024 9:12 AM\nTo: Pat\nSubject: Room\n\nTaken." },
		{ "Look.\n\nFrom: Ann <ann@example.com>\nSent: Monday, May 6, 2024 9:12 AM\nTo: Pat\nSubject: Room\n\nTaken.", NULL,
		    "WG: Raum", "Look.",
		    "From: Ann <ann@example.com>\nSent: Monday, May 6, 2024 9:12 AM\nTo: Pat\nSubject: Room\n\nTaken." },
		{ "Look.\n\nFrom: Ann <ann@example.com>\nSent: Monday, May 6, 2024 9:12 AM\nTo: Pat\nSubject: Room\n\nTaken.", NULL,
		    "Re: Room", "Look.", "" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mail m = { .plain = cases[i].plain, .html = cases[i].html, .subject = cases[i].subject };
		m.plain_len = m.plain != NULL ? strlen(m.plain) : 0;
		m.html_len = m.html != NULL ? strlen(m.html) : 0;
		struct mail_text t;
		mail_text(&m, &t);
		assert_string_equal(t.visible.p, cases[i].visible);
		assert_string_equal(t.forwarded.len > 0 ? t.forwarded.p : "", cases[i].forwarded);
		mail_text_done(&t);
	}
}

static void flowed__is_joined__per_depth(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
		bool delsp;
	} cases[] = {
		{ "one \ntwo\nthree\n", "one two\nthree\n", false },
		{ "one \r\ntwo\r\n", "one two\n", false },
		{ "ab \ncd\n", "abcd\n", true },
		{ " From here\n >no quote\n  two\n", "From here\n>no quote\n two\n", false },
		{ "> a \n> b\n>> c \n> d\ne\n", "> a b\n>> c \n> d\ne\n", false },
		{ "text \n-- \nPat\n", "text \n-- \nPat\n", false },
		{ "end ", "end \n", false },
		{ "", "", false },
		{ ">\n> \n", ">\n>\n", false },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = BUF_INIT;
		buf_reserve(&b, 1);
		mail_unflow(cases[i].in, strlen(cases[i].in), cases[i].delsp, &b);
		assert_string_equal(b.p, cases[i].out);
		buf_done(&b);
	}
}

/* ---- hostile input: time grows with size, not faster ---- */
#define MEGABYTE (1u << 20)

static char *big;

static void repeated(void *pattern, size_t len)
{
	const char *p = pattern;
	for (size_t k = 0, n = strlen(p); k < len; k++)
		big[k] = p[k % n];
	big[len] = '\0';
	struct mail_text t;
	mail_text_plain(big, len, &t);
	mail_text_done(&t);
}

static void text_of__stays__fast(void **state)
{
	(void)state;
	static const char *const patterns[] = { "> > > >", "> > > >\n", "On ", "On\n", "On Mon, May 6, 2024 at 9:12 AM Bot <\n",
		"wrote:\n", "From: a@b\nTo: x\n", "--\n", "Sent from my iPhone\n", "confidential recipient\n\n", "```\n",
		"> a\n\nb\n\n", "a\xcc\x81 ", "\n", "<" };
	big = xmalloc(MEGABYTE + 1);
	for (size_t i = 0; i < COUNT(patterns); i++)
		cost_assert_linear(patterns[i], repeated, (void *)(uintptr_t)patterns[i], MEGABYTE);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentences__stay__that_look_like_quotes),
		cmocka_unit_test(message__is_told__from_what_is_around_it),
		cmocka_unit_test(quoted__holds__the_history_without_marks),
		cmocka_unit_test(mail__gives__the_better_of_its_bodies),
		cmocka_unit_test(flowed__is_joined__per_depth),
		cmocka_unit_test(text_of__stays__fast),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
