/* What is a canonical command and what is not, and what the answers say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/tz.h"
#include "../../../core/engine/command.h"

struct row {
	const char *text;
	enum command want;
};
static const struct row commands[] = {
	{ "help", CMD_HELP },
	{ "Help!", CMD_HELP },
	{ "HELP", CMD_HELP },
	{ "help me please", CMD_HELP },
	{ "Can you help me?", CMD_HELP },
	{ "  help  ", CMD_HELP },
	{ "hey eddy, help", CMD_HELP },
	{ "*help*", CMD_HELP },
	{ "/help", CMD_HELP },
	{ "help?", CMD_HELP },
	{ "Hilfe", CMD_HELP },
	{ "Hilfe bitte!", CMD_HELP },
	{ "Aide-moi s'il te plaît", CMD_HELP },
	{ "¡Ayuda, por favor!", CMD_HELP },
	{ "ヘルプ", CMD_HELP },
	{ "使い方を教えてください", CMD_HELP },
	{ "How does this work?", CMD_HELP },
	{ "à l'aide", CMD_HELP },
	{ "ｈｅｌｐ", CMD_HELP },
	{ "help\xc2\xa0me", CMD_HELP },
	{ "help\xe3\x80\x80me", CMD_HELP },
	{ "help :wave:", CMD_HELP },
	{ "status", CMD_STATUS },
	{ "Status?", CMD_STATUS },
	{ "eddy status", CMD_STATUS },
	{ "what's your status?", CMD_STATUS },
	{ "What’s your status", CMD_STATUS },
	{ "are you there?", CMD_STATUS },
	{ "ping", CMD_STATUS },
	{ "Bist du da?", CMD_STATUS },
	{ "quel est ton état ?", CMD_STATUS },
	{ "¿Cuál es tu estado?", CMD_STATUS },
	{ "ステータス", CMD_STATUS },
	{ "status please", CMD_STATUS },
	{ "who am i", CMD_WHOAMI },
	{ "Who am I?", CMD_WHOAMI },
	{ "whoami", CMD_WHOAMI },
	{ "what's my name?", CMD_WHOAMI },
	{ "Do you know who I am?", CMD_WHOAMI },
	{ "Wer bin ich?", CMD_WHOAMI },
	{ "Wie heiße ich?", CMD_WHOAMI },
	{ "Qui suis-je ?", CMD_WHOAMI },
	{ "¿Quién soy yo?", CMD_WHOAMI },
	{ "私は誰ですか？", CMD_WHOAMI },
	{ "Comment je m'appelle ?", CMD_WHOAMI },
	{ "what can you do", CMD_CAPABILITIES },
	{ "What can you do?", CMD_CAPABILITIES },
	{ "What can you do for me?", CMD_CAPABILITIES },
	{ "Hi Eddy, what can you do?", CMD_CAPABILITIES },
	{ "who are you?", CMD_CAPABILITIES },
	{ "capabilities", CMD_CAPABILITIES },
	{ "Was kannst du?", CMD_CAPABILITIES },
	{ "Que peux-tu faire ?", CMD_CAPABILITIES },
	{ "Qu'est-ce que tu peux faire ?", CMD_CAPABILITIES },
	{ "¿Qué puedes hacer?", CMD_CAPABILITIES },
	{ "何ができますか？", CMD_CAPABILITIES },
	{ "how can you help us?", CMD_CAPABILITIES },
	{ "date", CMD_DATE },
	{ "what's the date?", CMD_DATE },
	{ "What is today's date?", CMD_DATE },
	{ "what day is it today", CMD_DATE },
	{ "today's date please", CMD_DATE },
	{ "Welches Datum ist heute?", CMD_DATE },
	{ "Welcher Tag ist heute?", CMD_DATE },
	{ "Den Wievielten haben wir heute?", CMD_DATE },
	{ "Quelle est la date d'aujourd'hui ?", CMD_DATE },
	{ "On est quel jour ?", CMD_DATE },
	{ "¿Qué día es hoy?", CMD_DATE },
	{ "今日は何日ですか", CMD_DATE },
	{ "今日は何曜日？", CMD_DATE },
	{ "time", CMD_TIME },
	{ "what time is it?", CMD_TIME },
	{ "What time is it now?", CMD_TIME },
	{ "WHAT TIME IS IT", CMD_TIME },
	{ "hey, what's the time please?", CMD_TIME },
	{ "could you tell me the time", CMD_TIME },
	{ "do you have the time?", CMD_TIME },
	{ "Can you tell me what time it is?", CMD_TIME },
	{ "Wie spät ist es?", CMD_TIME },
	{ "wie spaet ist es", CMD_TIME },
	{ "Wie viel Uhr ist es gerade?", CMD_TIME },
	{ "Uhrzeit", CMD_TIME },
	{ "Quelle heure est-il ?", CMD_TIME },
	{ "Il est quelle heure, s'il vous plaît ?", CMD_TIME },
	{ "¿Qué hora es?", CMD_TIME },
	{ "今何時ですか？", CMD_TIME },
	{ "何時", CMD_TIME },
	{ "Eddy: what time is it???", CMD_TIME },
	{ "date and time", CMD_TIME },
	{ "wie spa\xcc\x88t ist es", CMD_TIME },
	{ "stop", CMD_STOP },
	{ "Stop!", CMD_STOP },
	{ "STOP!!!", CMD_STOP },
	{ "please stop", CMD_STOP },
	{ "stop it now", CMD_STOP },
	{ "no, stop", CMD_STOP },
	{ "cancel", CMD_STOP },
	{ "cancel that please", CMD_STOP },
	{ "never mind", CMD_STOP },
	{ "nevermind", CMD_STOP },
	{ "Abbrechen", CMD_STOP },
	{ "Hör auf!", CMD_STOP },
	{ "stopp", CMD_STOP },
	{ "Arrête !", CMD_STOP },
	{ "annule", CMD_STOP },
	{ "¡Para!", CMD_STOP },
	{ "cancelar", CMD_STOP },
	{ "止めて", CMD_STOP },
	{ "止めてください", CMD_STOP },
	{ "ストップ！", CMD_STOP },
	{ "quiet here", CMD_QUIET },
	{ "Be quiet, please.", CMD_QUIET },
	{ "quiet", CMD_QUIET },
	{ "mute", CMD_QUIET },
	{ "Don't reply here", CMD_QUIET },
	{ "Sei still!", CMD_QUIET },
	{ "Tais-toi", CMD_QUIET },
	{ "¡Cállate!", CMD_QUIET },
	{ "静かにして", CMD_QUIET },
	{ "stop replying here", CMD_QUIET },
	{ "come back", CMD_COME_BACK },
	{ "Eddy, come back!", CMD_COME_BACK },
	{ "unmute", CMD_COME_BACK },
	{ "you can talk again", CMD_COME_BACK },
	{ "Komm zurück", CMD_COME_BACK },
	{ "Reviens !", CMD_COME_BACK },
	{ "vuelve", CMD_COME_BACK },
	{ "戻ってきて", CMD_COME_BACK },
	{ "history", CMD_HISTORY },
	{ "show history", CMD_HISTORY },
	{ "History of this thread", CMD_HISTORY },
	{ "what did you do here?", CMD_HISTORY },
	{ "What have you done in this thread?", CMD_HISTORY },
	{ "show me the history please", CMD_HISTORY },
	{ "Verlauf", CMD_HISTORY },
	{ "Was hast du gemacht?", CMD_HISTORY },
	{ "Qu'as-tu fait ?", CMD_HISTORY },
	{ "¿Qué has hecho?", CMD_HISTORY },
	{ "履歴", CMD_HISTORY },
	{ "hi", CMD_GREETING },
	{ "Hello Eddy!", CMD_GREETING },
	{ "hey there", CMD_GREETING },
	{ "Good morning", CMD_GREETING },
	{ "good morning eddy :sunny:", CMD_GREETING },
	{ "Hallo", CMD_GREETING },
	{ "Guten Morgen!", CMD_GREETING },
	{ "Bonjour", CMD_GREETING },
	{ "¡Hola!", CMD_GREETING },
	{ "こんにちは", CMD_GREETING },
	{ "Eddy?", CMD_GREETING },
	{ "hi all", CMD_GREETING },
	/* As the button of the widget says it (adapters/web/page/widget-lang). */
	{ "Talk to a person", CMD_HANDOVER },
	{ "Mit einem Menschen sprechen", CMD_HANDOVER },
	{ "Parler à une personne", CMD_HANDOVER },
	{ "Hablar con una persona", CMD_HANDOVER },
	{ "担当者と話す", CMD_HANDOVER },
	{ "Talk to a person, please!", CMD_HANDOVER },
	{ "I'd like to talk to a person.", CMD_HANDOVER },
	{ "Can I speak to a human?", CMD_HANDOVER },
	{ "human please", CMD_HANDOVER },
	{ "Ich möchte mit einem Menschen sprechen", CMD_HANDOVER },
	{ "Je voudrais parler à quelqu'un, s'il vous plaît", CMD_HANDOVER },
	{ "¿Puedo hablar con una persona?", CMD_HANDOVER },
	{ "担当者と話したいです", CMD_HANDOVER },
	{ "Back to Eddy", CMD_HAND_BACK },
	{ "please hand it back", CMD_HAND_BACK },
	{ "zurück zu Eddy", CMD_HAND_BACK },
	{ "Done!", CMD_DONE },
	{ "ok, that's all, thanks", CMD_DONE },
	{ "erledigt", CMD_DONE },
	{ "C'est terminé", CMD_DONE },
};
static const char *const ordinary[] = {
	"who is the person to talk to about invoices",
	"a human wrote this, not a model",
	"can I speak to a person from billing",
	"is the deploy done",
	"are we done with the migration",
	"talk to Eddy about the plan",
	"what time did we agree on?",
	"what time is the meeting?",
	"what time is it in Tokyo?",
	"what time is it for Ana",
	"time flies",
	"what is the time zone of Berlin",
	"what's the time budget for this?",
	"is it time to ship?",
	"next time please",
	"no time",
	"time out after 5 seconds?",
	"first time here",
	"what's the date of the launch?",
	"what date did we pick",
	"what day is the demo",
	"date the invoice please",
	"is there a date yet",
	"today we ship",
	"what happened today?",
	"what is today's plan?",
	"help me write an email",
	"can you help Ana with this?",
	"I need help with the parser",
	"help wanted: a tester",
	"who can help me",
	"the help page is broken",
	"thanks for the help",
	"does help exist for this command?",
	"status of the falcon project",
	"what's the status?",
	"what is the status of PR 12",
	"status update: all green",
	"what's our status on hiring",
	"set status to done",
	"who am I meeting tomorrow?",
	"who am I talking to on Friday",
	"do you know who I am meeting",
	"who is Ana",
	"who said that?",
	"what is my name server?",
	"what can you do about the outage?",
	"what can we do",
	"what can you tell me about falcon",
	"what do you do when the disk is full",
	"who are you talking about",
	"what are your thoughts on the plan",
	"what are you able to see in the log",
	"stop the deployment",
	"when does it stop",
	"bus stop",
	"stop words in search",
	"can you stop by my desk",
	"cancel my subscription",
	"cancel the meeting on Friday",
	"never mind the gap",
	"forget it was me",
	"exit code 137",
	"the stop button does nothing",
	"quiet hours start at ten",
	"why is it so quiet here",
	"is it quiet",
	"mute the alert",
	"silence is golden",
	"shut up and take my money",
	"come back to this tomorrow",
	"when does Ana come back?",
	"he will come back",
	"wake up call at 7",
	"history of Rome",
	"what is the history of this bug",
	"rewrite git history",
	"what did you do to the config?",
	"what did we do here",
	"browser history",
	"hello world in C",
	"hi, the build is red",
	"good morning, who is on call?",
	"hey, what did Ben say about the deadline?",
	"Hello, is the API down?",
	"say hello to Ana",
	"wie spät ist das Meeting?",
	"wie spät ist es in Tokio?",
	"Hilfe bei der Steuer",
	"was kannst du mir über Falcon sagen?",
	"stopp die Auslieferung",
	"Welches Datum hat die Rechnung?",
	"wer bin ich im Vergleich zu Ana",
	"quelle heure pour la réunion ?",
	"aide Ana à finir",
	"arrête le serveur",
	"quelle est la date de sortie ?",
	"¿qué hora es en Madrid?",
	"¿a qué hora es la reunión?",
	"para mañana",
	"ayuda a Ana",
	"¿qué día es la demo?",
	"会議は何時ですか",
	"ヘルプページが壊れています",
	"今日の予定は？",
	"履歴を消して",
	"time = 5",
	"help | grep x",
	"status=200",
	"{\"help\":1}",
	"$TIME",
	"C:\\help",
	"please",
	"thanks",
	"ok",
	"please please",
	"?",
	"...",
	"",
	" ",
	"🙂",
	":wave:",
	"yes",
	"no",
	"now",
	"\xff\xfe",
	"help\xff",
	"the",
	"https://example.org/help",
	"help.txt is missing",
	"who",
	"what",
	"date night",
	"what is a date",
	"update",
	"timer",
};

static void command_recognise__finds__each_phrasing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		enum command got = command_recognise(commands[i].text, strlen(commands[i].text));
		if (got != commands[i].want)
			fail_msg("\"%s\": %s, not %s", commands[i].text, command_name(got), command_name(commands[i].want));
	}
	assert_true(sizeof commands / sizeof commands[0] + sizeof ordinary / sizeof ordinary[0] >= 250);
}

static void command_recognise__ignores__ordinary_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ordinary / sizeof ordinary[0]; i++) {
		enum command got = command_recognise(ordinary[i], strlen(ordinary[i]));
		if (got != CMD_NONE)
			fail_msg("\"%s\" is taken for %s", ordinary[i], command_name(got));
	}
}

static void command_recognise__ignores__long_texts(void **state)
{
	(void)state;
	char text[400];
	memset(text, ' ', sizeof text);
	memcpy(text, "help", 4);
	assert_int_equal(command_recognise(text, 120), CMD_HELP);
	assert_int_equal(command_recognise(text, 121), CMD_NONE);
	assert_int_equal(command_recognise(NULL, 0), CMD_NONE);
	/* Letters that grow when folded must not overrun the key. */
	char wide[121];
	for (int i = 0; i < 40; i++)
		memcpy(wide + i * 3, "\xe1\xba\x9e", 3);
	assert_int_equal(command_recognise(wide, 120), CMD_NONE);
}

static void command_recognise__is_fast__on_ordinary_texts(void **state)
{
	(void)state;
	static const char *const texts[] = { "hey, what did Ben say about the deadline for the new billing screen last week?",
		"Can you summarise the discussion about the falcon release and list open questions",
		"could you tell me who is on call tonight, please",
		"Wie war noch mal die Begründung für den Umzug der Datenbank nach Frankfurt?" };
	uint64_t best = UINT64_MAX;
	for (int round = 0; round < 5; round++) {
		uint64_t began = clock_us();
		for (int i = 0; i < 20000; i++)
			assert_int_equal(command_recognise(texts[i & 3], strlen(texts[i & 3])), CMD_NONE);
		uint64_t took = clock_us() - began;
		best = took < best ? took : best;
	}
	print_message("command_recognise: %.2f us a text\n", (double)best / 20000);
	if (getenv("EDDY_TEST_SLOW_MACHINE") == NULL)
		assert_true(best < 20000 * 100); /* aim is 2 us: this is for a search gone wild */
}

static const char *render(enum command c, const struct command_facts *f, struct buf *b)
{
	buf_reset(b);
	command_answer(c, f, b);
	return b->p;
}

/* 2026-07-01 16:05:00 UTC */
#define MOMENT 1782921900000ull

static void command_answer__tells__the_local_time(void **state)
{
	(void)state;
	if (!tz_known("Europe/Berlin")) {
		print_message("skipped: no zone files\n");
		skip();
	}
	struct buf b = BUF_INIT;
	struct command_facts f = { .tz = "Europe/Berlin", .wall_ms = MOMENT };
	assert_string_equal(render(CMD_TIME, &f, &b), "It is **18:05** on Wednesday, 1 July 2026 in Europe/Berlin (UTC+02:00).");
	assert_string_equal(render(CMD_DATE, &f, &b), "Today is **Wednesday, 1 July 2026** in Europe/Berlin (UTC+02:00).");
	f.tz = "America/St_Johns";
	assert_string_equal(render(CMD_TIME, &f, &b), "It is **13:35** on Wednesday, 1 July 2026 in America/St_Johns (UTC-02:30).");
	f.tz = NULL;
	assert_string_equal(
	    render(CMD_TIME, &f, &b), "It is **16:05** on Wednesday, 1 July 2026 UTC (I don't know your time zone).");
	f.tz = "Mars/Olympus";
	assert_non_null(strstr(render(CMD_DATE, &f, &b), "UTC (I don't know"));
	buf_done(&b);
}

static void command_answer__escapes__names(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct command_facts f = { .person = "*Ana* [x](http://evil) <!channel>\n# hi",
		.place = "`general`",
		.workspace = "A|B",
		.adapter = "slack",
		.visibility = VIS_PUBLIC,
		.wall_ms = MOMENT };
	const char *md = render(CMD_WHOAMI, &f, &b);
	assert_non_null(strstr(md, "\\*Ana\\* \\[x\\]\\(http://evil\\) \\<\\!channel\\> \\# hi"));
	assert_non_null(strstr(md, "We are in \\`general\\`, a public channel."));
	assert_null(strstr(md, "\n#"));
	buf_done(&b);
}

static void command_answer__shows__history(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct history_row rows[25] = { 0 };
	struct command_facts f = { .wall_ms = MOMENT, .history = rows };
	assert_string_equal(render(CMD_HISTORY, &f, &b), "I have done nothing in this thread so far.");
	rows[0] = (struct history_row){ .at_ms = (int64_t)MOMENT,
		.asker = "Ana",
		.what = "answered",
		.model = "small-1",
		.tools = "search_messages",
		.total_ms = 1840,
		.input_tokens = 900,
		.output_tokens = 100,
		.cost_micros = 4200 };
	rows[1] = (struct history_row){ .at_ms = (int64_t)MOMENT + 60000, .what = "answered", .command = CMD_DATE };
	f.history_len = 2;
	assert_string_equal(render(CMD_HISTORY, &f, &b),
	    "What I did in this thread:\n\n"
	    "- 2026-07-01 16:05 UTC: answered for Ana, small-1, used search\\_messages, 1.8 s, 900 + 100 tokens, $0.004200\n"
	    "- 2026-07-01 16:06 UTC: answered `date`\n"
	    "\nTogether 1000 tokens, $0.004200.");
	for (size_t i = 2; i < 25; i++)
		rows[i] = rows[1];
	f.history_len = 25;
	f.history_total = 40;
	assert_non_null(strstr(render(CMD_HISTORY, &f, &b), "The last 20 of 40 things"));
	buf_done(&b);
}

static void command_answer__says__what_is_true(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct command_facts f = { .agent = "Eddy",
		.wall_ms = MOMENT,
		.model = "builtin search",
		.status = "queue: 0\ndatabase: up\n",
		.adapters = "slack: connected to acme as @eddy",
		.messages = 1,
		.visibility = VIS_PUBLIC };
	const char *md = render(CMD_STATUS, &f, &b);
	assert_non_null(
	    strstr(md, "- slack: connected to acme as @eddy\n- queue: 0\n- database: up\n- this thread: 1 message, I listen"));
	assert_non_null(strstr(md, "I can still search"));
	assert_non_null(strstr(render(CMD_CAPABILITIES, &f, &b), "No model is connected"));
	assert_non_null(strstr(b.p, "public channels"));
	f.is_guest = true;
	assert_null(strstr(render(CMD_CAPABILITIES, &f, &b), "public channels"));
	f.is_guest = false;
	f.visibility = VIS_EXTERNAL;
	assert_null(strstr(render(CMD_CAPABILITIES, &f, &b), "public channels"));
	f.has_model = true;
	assert_null(strstr(render(CMD_HELP, &f, &b), "No model"));
	assert_null(strstr(render(CMD_HELP, &f, &b), "talk to a person"));
	f.offers_people = true;
	assert_non_null(strstr(render(CMD_HELP, &f, &b), "`talk to a person`"));
	assert_string_equal(render(CMD_STOP, &f, &b), "Nothing is running here.");
	f.was_running = true;
	assert_string_equal(render(CMD_STOP, &f, &b), "Stopped.");
	/* The engine has already switched when it words the answer. */
	f.quiet = true;
	assert_non_null(strstr(render(CMD_QUIET, &f, &b), "I stay quiet here"));
	f.quiet = false;
	assert_string_equal(render(CMD_COME_BACK, &f, &b), "I'm here and take part.");
	for (int c = CMD_HELP; c <= CMD_DONE; c++)
		assert_true(strlen(render((enum command)c, &f, &b)) > 5);
	assert_string_equal(render(CMD_INTRODUCE, &f, &b),
	    "Hi, I'm Eddy. Mention me with a question and I answer in its thread; `help` shows what I can do.");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_recognise__finds__each_phrasing),
		cmocka_unit_test(command_recognise__ignores__ordinary_texts),
		cmocka_unit_test(command_recognise__ignores__long_texts),
		cmocka_unit_test(command_recognise__is_fast__on_ordinary_texts),
		cmocka_unit_test(command_answer__tells__the_local_time),
		cmocka_unit_test(command_answer__escapes__names),
		cmocka_unit_test(command_answer__shows__history),
		cmocka_unit_test(command_answer__says__what_is_true),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
