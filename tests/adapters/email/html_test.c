/*
 * HTML mails of many programs as the text that people see, and input that is made to be slow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../../adapters/email/mail.h"
#include "../../../adapters/email/text.h"
#include "../../../core/base/mem.h"
#include "../../support/cost.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static unsigned failures;

/* ---- HTML ---- */
struct page {
	const char *client, *html, *visible;
};
#define AT "Mon, May 6, 2024 at 9:12&#8239;AM"
#define BOT "Teammate Bot &lt;<a href=\"mailto:bot@example.org\">bot@example.org</a>&gt;"
static const struct
    page
        pages
            [] = {
	            { "Gmail",
	                "<div dir=\"ltr\"><div>Yes, room B.</div><div><br></div><div>For eight.</div></div><br><div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" class=\"gmail_attr\">On " AT
	                " " BOT
	                " wrote:<br></div><blockquote class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex\"><div>Which room?</div></blockquote></div>",
	                "Yes, room B.\n\nFor eight." },
	            { "Gmail, a language nobody knows",
	                "<div dir=\"ltr\">Yes, room B.</div><br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">Xyz qwerty 6 foo 2024 " BOT
	                " barbaz:<br></div><blockquote class=\"gmail_quote\"><div>Which room?</div></blockquote></div>",
	                "Yes, room B." },
	            { "Gmail with signature below",
	                "<div dir=\"ltr\">Yes.<div><br></div><span class=\"gmail_signature_prefix\">-- </span><br><div dir=\"ltr\" class=\"gmail_signature\"><div>Pat Example<br>Example Ltd</div></div></div><br><div class=\"gmail_quote\"><div class=\"gmail_attr\">On " AT
	                " " BOT " wrote:<br></div><blockquote class=\"gmail_quote\">Which room?</blockquote></div>",
	                "Yes." },
	            { "Gmail, answers inline",
	                "<div dir=\"ltr\"><div class=\"gmail_quote\"><div class=\"gmail_attr\">On " AT " " BOT
	                " wrote:<br></div><blockquote class=\"gmail_quote\"><div>Which room?</div></blockquote><div>Room B.</div><blockquote class=\"gmail_quote\"><div>For how many?</div></blockquote><div>Eight.</div></div></div>",
	                "On Mon, May 6, 2024 at 9:12\xe2\x80\xaf"
	                "AM Teammate Bot <bot@example.org> wrote:\n> Which room?\nRoom B.\n> For how many?\nEight." },
	            { "Gmail, forwarded",
	                "<div dir=\"ltr\">Please read.<br><br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">---------- Forwarded message ---------<br>From: <b>Ann</b> &lt;ann@example.org&gt;<br>Date: Mon, May 6, 2024 at 9:12 AM<br>Subject: Room<br>To: Pat &lt;pat@example.com&gt;<br></div><br><div>Room A is taken.</div></div></div>",
	                "Please read." },
	            { "Outlook desktop",
	                "<html xmlns:o=\"urn:schemas-microsoft-com:office:office\"><head><style><!-- p.MsoNormal{margin:0cm;} --></style></head><body lang=\"EN-GB\"><div class=\"WordSection1\"><p class=\"MsoNormal\">Yes, room B.<o:p></o:p></p><p class=\"MsoNormal\"><o:p>&nbsp;</o:p></p><p class=\"MsoNormal\">For eight.<o:p></o:p></p><p class=\"MsoNormal\"><o:p>&nbsp;</o:p></p><div><div style=\"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm\"><p class=\"MsoNormal\"><b><span lang=\"EN-US\">From:</span></b><span lang=\"EN-US\"> Teammate Bot &lt;bot@example.org&gt; <br><b>Sent:</b> 06 May 2024 09:12<br><b>To:</b> Pat<br><b>Subject:</b> Room<o:p></o:p></span></p></div></div><p class=\"MsoNormal\">Which room?</p></div></body></html>",
	                "Yes, room B.\n\nFor eight." },
	            { "Outlook desktop, a language nobody knows",
	                "<div class=WordSection1><p class=MsoNormal>Yes, room B.</p><div style='border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b>Xfrom:</b> Bot <br><b>Xsent:</b> 06 May 2024 09:12<br><b>Xto:</b> Pat<br><b>Xsubject:</b> Room</p></div><p class=MsoNormal>Which room?</p></div>",
	                "Yes, room B." },
	            { "Outlook web",
	                "<div class=\"elementToProof\" style=\"font-family: Aptos\">Yes, room B.</div><div id=\"appendonsend\"></div><hr style=\"display:inline-block;width:98%\" tabindex=\"-1\"><div id=\"divRplyFwdMsg\" dir=\"ltr\"><font face=\"Calibri\" color=\"#000000\"><b>Von:</b> Teammate Bot &lt;bot@example.org&gt;<br><b>Gesendet:</b> Montag, 6. Mai 2024 09:12<br><b>An:</b> Pat<br><b>Betreff:</b> Raum</font><div>&nbsp;</div></div><div>Which room?</div>",
	                "Yes, room B." },
	            { "Outlook web, signature",
	                "<div>Yes, room B.</div><div id=\"Signature\"><div>Pat Example<br>Example Ltd</div></div><div id=\"appendonsend\"></div><hr><div id=\"divRplyFwdMsg\"><b>From:</b> Bot</div><div>Which room?</div>",
	                "Yes, room B." },
	            { "Outlook for phones",
	                "<div dir=\"auto\">Yes, room B.</div><div id=\"ms-outlook-mobile-body-separator-line\"><br></div><div id=\"ms-outlook-mobile-signature\" dir=\"auto\">Get <a href=\"https://aka.ms/o0ukef\">Outlook for iOS</a></div><div id=\"mail-editor-reference-message-container\"><hr><div id=\"divRplyFwdMsg\"><b>From:</b> Bot<br></div>Which room?</div>", "Yes, room B." },
	            { "Apple Mail",
	                "<html><body style=\"overflow-wrap: break-word;\">Yes, room B.<br id=\"lineBreakAtBeginningOfMessage\"><div><br><blockquote type=\"cite\"><div>On 6. May 2024, at 09:12, Teammate Bot &lt;bot@example.org&gt; wrote:</div><br class=\"Apple-interchange-newline\"><div><div>Which room?</div></div></blockquote></div><br></body></html>",
	                "Yes, room B." },
	            { "iPhone",
	                "<html><body dir=\"auto\">Yes, room B.<br id=\"lineBreakAtBeginningOfSignature\"><div dir=\"ltr\">Sent from my iPhone</div><div dir=\"ltr\"><br><blockquote type=\"cite\">On 6 May 2024, at 09:12, Teammate Bot &lt;bot@example.org&gt; wrote:<br><br></blockquote></div><blockquote type=\"cite\"><div dir=\"ltr\">Which room?</div></blockquote></body></html>",
	                "Yes, room B." },
	            { "Thunderbird",
	                "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\"></head><body><p>Yes, room B.</p><div class=\"moz-cite-prefix\">On 06/05/2024 09:12, Teammate Bot wrote:<br></div><blockquote type=\"cite\" cite=\"mid:1@example.org\"><pre class=\"moz-quote-pre\" wrap=\"\">Which room?</pre></blockquote><pre class=\"moz-signature\" cols=\"72\">-- \nPat Example</pre></body></html>",
	                "Yes, room B." },
	            { "Thunderbird, answer below",
	                "<html><body><div class=\"moz-cite-prefix\">Am 06.05.24 um 09:12 schrieb Teammate Bot:<br></div><blockquote type=\"cite\" cite=\"mid:1@example.org\"><p>Which room?</p></blockquote><p>Yes, room B.</p><p><br></p></body></html>",
	                "Yes, room B." },
	            { "Yahoo",
	                "<html><head></head><body><div class=\"ydp1-yahoo-style-wrap\"><div dir=\"ltr\" data-setdir=\"false\">Yes, room B.</div><div><br></div></div><div id=\"yahoo_quoted_123\" class=\"yahoo_quoted\"><div><div>On Monday, May 6, 2024 at 09:12:00 AM GMT+2, Teammate Bot &lt;bot@example.org&gt; wrote:</div><div><br></div><div>Which room?</div></div></div></body></html>",
	                "Yes, room B." },
	            { "Proton",
	                "<div style=\"font-family: Arial\">Yes, room B.</div><div class=\"protonmail_signature_block\"><div class=\"protonmail_signature_block-user\">Pat</div><div class=\"protonmail_signature_block-proton\">Sent with <a href=\"https://proton.me/\">Proton Mail</a> secure email.</div></div><div class=\"protonmail_quote\">On Monday, May 6th, 2024 at 9:12 AM, Bot &lt;bot@example.org&gt; wrote:<br><blockquote class=\"protonmail_quote\" type=\"cite\">Which room?</blockquote></div>",
	                "Yes, room B." },
	            { "Zoho",
	                "<div style=\"font-family: Verdana\"><div>Yes, room B.</div><div><br></div><div class=\"zmail_extra_hr\" style=\"border-top: 1px solid\"><br></div><div class=\"zmail_extra\"><div id=\"Zm-_Id_-Sgn1\">---- On Mon, 06 May 2024 09:12:00 +0200 <b>Bot &lt;bot@example.org&gt;</b> wrote ---</div><blockquote id=\"blockquote_zmail\">Which room?</blockquote></div></div>", "Yes, room B." },
	            { "Zimbra",
	                "<html><body><div style=\"font-family: arial\"><div>Yes, room B.</div><div><br></div><hr id=\"zwchr\" data-marker=\"__DIVIDER__\"><div data-marker=\"__HEADERS__\"><blockquote><b>From: </b>\"Bot\" &lt;bot@example.org&gt;<br><b>To: </b>\"Pat\"<br></blockquote></div><div data-marker=\"__QUOTED_TEXT__\"><blockquote>Which room?</blockquote></div></div></body></html>",
	                "Yes, room B." },
	            { "K-9",
	                "<!DOCTYPE html><html><body>Yes, room B.<br><br><div class=\"gmail_quote\">On 6 May 2024 09:12:00 CEST, Bot &lt;bot@example.org&gt; wrote:<blockquote class=\"gmail_quote\"><pre class=\"k9mail\">Which room?</pre></blockquote></div><div class=\"k9mail-signature\">-- <br>Sent from my Android device with K-9 Mail.</div></body></html>",
	                "Yes, room B." },
	            { "GMX",
	                "<html><body><div style=\"font-family: Verdana\"><div>Yes, room B.</div><div><br><div name=\"quote\" style=\"margin:10px 5px 5px 10px; border-left:2px solid #C3D9E5;\"><div><b>Gesendet:</b>&nbsp;Montag, 06. Mai 2024 um 09:12 Uhr<br><b>Von:</b>&nbsp;\"Bot\" &lt;bot@example.org&gt;<br><b>An:</b>&nbsp;pat@example.com<br><b>Betreff:</b>&nbsp;Raum</div><div name=\"quoted-content\">Which room?</div></div></div></div></body></html>",
	                "Yes, room B." },
	            { "Yandex",
	                "<div>Yes, room B.</div><div> </div><div>06.05.2024, 09:12, \"Teammate Bot\" &lt;bot@example.org&gt;:</div><blockquote><p>Which room?</p></blockquote>",
	                "Yes, room B." },
	            { "Mail.ru",
	                "<HTML><BODY><div><div>Yes, room B.</div><blockquote style=\"border-left:1px solid #0857A6\">Понедельник, 6 мая 2024, 9:12 +03:00 от Bot &lt;bot@example.org&gt;:<br><div>Which room?</div></blockquote></div></BODY></HTML>",
	                "Yes, room B." },
	            { "Outlook for Mac",
	                "<html><body><div><p>Yes, room B.</p></div><span id=\"OLK_SRC_BODY_SECTION\"><div style=\"border-top: #b5c4df 1pt solid\"><b>From: </b>Bot<br><b>Date: </b>Monday<br></div><div>Which room?</div></span></body></html>",
	                "Yes, room B." },
	            { "QQ",
	                "<div>Yes, room B.</div><div><br></div><div style=\"font-size: 12px;\">------------------&nbsp;原始邮件&nbsp;------------------</div><div><b>发件人:</b> \"Bot\" &lt;bot@example.org&gt;;</div><div><b>发送时间:</b> 2024年5月6日(星期一) 上午9:12</div><div><b>收件人:</b> \"Pat\";</div><div><b>主题:</b> room</div><div>Which room?</div>",
	                "Yes, room B." },
	            { "Tutanota",
	                "<div>Yes, room B.</div><div><br></div><div>6 May 2024, 09:12 by bot@example.org:</div><blockquote class=\"tutanota_quote\"><div>Which room?</div></blockquote>",
	                "Yes, room B." },
	            { "Spark",
	                "<html><body><div name=\"messageBodySection\"><div dir=\"auto\">Yes, room B.</div></div><div name=\"messageSignatureSection\"><br>Pat</div><div name=\"messageReplySection\">On 6 May 2024 at 09:12 +0200, Bot &lt;bot@example.org&gt;, wrote:<br><blockquote type=\"cite\">Which room?</blockquote></div></body></html>",
	                "Yes, room B." },
	            /* HTML as such */
	            { "lists",
	                "<p>Two things:</p><ol><li>the room</li><li><p>the time</p></li></ol><ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>",
	                "Two things:\n\n1. the room\n2. the time\n\n- a\n- b\n- c" },
	            { "list from five", "<ol start=5><li>five<li>six</ol>", "5. five\n6. six" },
	            { "table",
	                "<table><tr><th>Room</th><th>Seats</th></tr><tr><td>A</td><td>4</td></tr><tr><td>B</td><td>8</td></tr></table>",
	                "Room\tSeats\nA\t4\nB\t8" },
	            { "entities", "<p>5 &lt; 6 &amp;&amp; 7 &gt; 6&nbsp;&euro; &#x1F44D; &hellip;</p>",
	                "5 < 6 && 7 > 6\xc2\xa0€ 👍 …" },
	            { "unescaped", "<p>a < b and <pat@example.org> too</p>", "a < b and <pat@example.org> too" },
	            { "preformatted", "<pre>int main(void)\n{\n    return 0;\n}</pre>", "int main(void)\n{\n    return 0;\n}" },
	            { "link",
	                "<p>See <a href=\"https://example.org/plan?x=1\">the plan</a> and <a href=\"https://example.com/\">example.com</a>, or <a href=\"mailto:pat@example.org\">pat@example.org</a>.</p>",
	                "See the plan <https://example.org/plan?x=1> and example.com, or pat@example.org." },
	            { "blanks", "<div>a   b\n c</div><div><br></div><div>d<br>e<br><br>f</div>", "a b c\n\nd\ne\n\nf" },
	            { "own quote", "<p>The text says:</p><blockquote>be brief</blockquote><p>What does it mean?</p>",
	                "The text says:\n\n> be brief\n\nWhat does it mean?" },
	            { "ill-formed", "<div><b>bold<i>both</b>italic</i><p>next<div>inner</p>end",
	                "boldbothitalic\n\nnext\n\ninner end" },
	            { "no tags", "Just text.", "Just text." },
	            { "text after the end", "<html><body><p>one</p></body></html><p>two</p>", "one\n\ntwo" },
	            /* what nobody sees */
	            { "hidden",
	                "<div style=\"display:none\">no</div><div style=\"DISPLAY : None !important\">no</div><p style=\"visibility:hidden\">no</p><span style=\"font-size:0px\">no</span><span style=\"opacity:0\">no</span><div hidden>no</div><div style=\"max-height:0;overflow:hidden\">no</div><span style=\"mso-hide:all\">no</span><font color=\"#ffffff\">no</font><span style=\"color:white\">no</span><span style=\"color: rgb(255, 255, 255)\">no</span><div style=\"position:absolute;left:-9999px\">no</div>yes",
	                "yes" },
	            { "not hidden",
	                "<span style=\"font-size:0.9em\">a</span><span style=\"opacity:0.5\">b</span><table bgcolor=\"#003366\"><tr><td style=\"color:#fff\">c</td></tr></table><div style=\"background-color:black;color:white\">d</div><span style=\"background-color:#ffffff\">e</span>",
	                "ab\nc\nd\ne" },
	            { "hidden by a sheet",
	                "<style>.pre, #x2 { display: none } p.gone{font-size:0} @media (max-width:600px){.wide{display:none}} .seen{color:red}</style><div class=\"pre\">no</div><div id=\"x2\">no</div><p class=\"gone\">no</p><p class=\"wide\">yes</p><p class=\"seen\">too</p>",
	                "yes\n\ntoo" },
	            { "scripts and comments",
	                "<head><title>no</title></head><body><script>no</script><!-- no <b>no</b> --><!--[if mso]>no<![endif]--><![if !mso]>yes<![endif]><style>no</style><noscript>too</noscript></body>",
	                "yestoo" },
            };

static void html__becomes__the_visible_text(void **state)
{
	(void)state;
	failures = 0;
	for (size_t i = 0; i < COUNT(pages); i++) {
		struct mail_text t;
		mail_text_html(pages[i].html, strlen(pages[i].html), &t);
		if (strcmp(t.visible.p, pages[i].visible) != 0) {
			print_error("%s\n--- want\n%s\n--- got\n%s\n---\n", pages[i].client, pages[i].visible, t.visible.p);
			failures++;
		}
		mail_text_done(&t);
	}
	assert_int_equal(failures, 0);
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
	mail_text_html(big, len, &t);
	mail_text_done(&t);
}

static void text_of__stays__fast(void **state)
{
	(void)state;
	static const char *const patterns[] = { "<div>", "<blockquote>a", "</b>", "<span></b>", "<a b", "<a b='", "<!--", "<svg>",
		"</b ", "&", "<td>a", "<i><b>x</i></b>", "<pre>\n", "<style>@x{", "<a a0 a1 a2 a3 a4 a5 a6 a7 a8 a9><b b0>",
		"<a href='http://x.org/'>x" };
	big = xmalloc(MEGABYTE + 1);
	for (size_t i = 0; i < COUNT(patterns); i++)
		cost_assert_linear(patterns[i], repeated, (void *)(uintptr_t)patterns[i], MEGABYTE);
	free(big);
}

static void html__is_bounded__nested_and_huge(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	for (int i = 0; i < 100000; i++)
		buf_add_str(&b, "<div>");
	buf_add_str(&b, "deep down");
	for (int i = 0; i < 100000; i++)
		buf_add_str(&b, "</div>");
	buf_add_str(&b, "<p>after</p>");
	struct mail_text t;
	mail_text_html(b.p, b.len, &t);
	assert_non_null(strstr(t.visible.p, "deep down"));
	assert_non_null(strstr(t.visible.p, "after"));
	mail_text_done(&t);
	buf_reset(&b);
	buf_add_str(&b, "<p>before</p><img src=\"data:image/png;base64,");
	for (int i = 0; i < 1 << 20; i++)
		buf_add_char(&b, 'A');
	buf_add_str(&b, "\"><p>behind</p>");
	mail_text_html(b.p, b.len, &t);
	assert_string_equal(t.visible.p, "before\n\nbehind");
	mail_text_done(&t);
	buf_reset(&b); /* not UTF-8, NUL bytes */
	buf_add(&b, "<p>a\xff\0b\x01</p>", 12);
	mail_text_html(b.p, b.len, &t);
	assert_string_equal(t.visible.p, "a\xef\xbf\xbd b");
	mail_text_done(&t);
	buf_done(&b);
}

static void html__to_text__cuts_nothing(void **state)
{
	(void)state;
	static const char html[] =
	    "<p>Yes.</p><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Monday Bot wrote:</div><blockquote>Which<blockquote>deep</blockquote></blockquote></div><div class=\"gmail_signature\">Pat</div>";
	struct buf b = BUF_INIT;
	mail_html_to_text(html, sizeof html - 1, &b);
	assert_string_equal(b.p, "Yes.\n\nOn Monday Bot wrote:\n> Which\n>> deep\nPat\n");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(html__becomes__the_visible_text),
		cmocka_unit_test(html__to_text__cuts_nothing),
		cmocka_unit_test(html__is_bounded__nested_and_huge),
		cmocka_unit_test(text_of__stays__fast),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
