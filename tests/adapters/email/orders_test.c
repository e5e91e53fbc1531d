/* What of a mail is a command, whatever stands around it, and what is a message that only begins like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../../adapters/email/orders.h"

static const struct orders_from pat = { "Pat Example", "p.example@acme.example", false };
static const struct orders_from pat_in_fork = { "Pat Example", "p.example@acme.example", true };

/* ${want} NULL: no command. */
static void read_is(const struct orders_from *from, const char *mail, enum command command, const char *want)
{
	struct mail_text t;
	struct buf out = BUF_INIT;
	buf_reset(&out);
	mail_text_plain(mail, strlen(mail), &t);
	enum command got = orders_read(&t, from, &out);
	if (got != command || strcmp(out.p, want != NULL ? want : "") != 0)
		fail_msg("\"%s\" is %s: \"%s\"\nnot %s: \"%s\"", mail, command_name(got), out.p, command_name(command),
		    want != NULL ? want : "");
	mail_text_done(&t);
	buf_done(&out);
}

static void orders__command__stands_between_hello_and_goodbye(void **state)
{
	(void)state;
	read_is(&pat, "fork: Which database?", CMD_FORK, "fork: Which database?");
	read_is(&pat, "@eddy fork Which database?\n", CMD_FORK, "@eddy fork Which database?");
	read_is(&pat, "Hi Eddy,\n\nfork: Which database?\n\nThanks!\nPat", CMD_FORK, "fork: Which database?");
	read_is(&pat, "Hallo Eddy,\r\n\r\nsearch deadline in:general\r\n\r\nMit freundlichen Grüßen\r\nPat Example\r\n", CMD_SEARCH,
	    "search deadline in:general");
	read_is(&pat, "what do you remember about boats?\n\nKind regards,\nP. Example :-)", CMD_RECALL,
	    "what do you remember about boats?");
	read_is(&pat, "catch me up\n\nMany thanks in advance", CMD_CATCH_UP, "catch me up");
	read_is(&pat, "Dear Eddy,\nforget me\n-- \nPat Example\n+49 30 12345", CMD_FORGET_ME, "forget me");
	read_is(&pat_in_fork, "resolve\n\nThanks", CMD_RESOLVE, "resolve");
	read_is(&pat_in_fork, "resolve\n\nViele Grüße\n\nÄnni", CMD_RESOLVE, "resolve");
	read_is(&pat_in_fork, "accept\n\nThanks\nnot now", CMD_NONE, NULL);
	read_is(&pat_in_fork, "accept\n\nBob\nThanks", CMD_NONE, NULL);
	read_is(&pat_in_fork, "Accept.\n\nBest,\nPat", CMD_ACCEPT, "Accept.");
	read_is(&pat_in_fork,
	    "accept\n\nOn Fri, 20 Nov 2026 at 10:00, Eddy <eddy@acme.example> wrote:\n> A draft:\n> \n> *Boats*\n", CMD_ACCEPT,
	    "accept");
	read_is(&pat, "help", CMD_HELP, "help");
}

static void orders__message__that_says_more_is_no_command(void **state)
{
	(void)state;
	static const char *const messages[] = { "accept\n\nbut on Monday", "accept\n\nPat said no",
		"Accept, but change Monday to Tuesday", "resolve\n\nOr not?", "Do you accept it?", "" };
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++)
		read_is(&pat_in_fork, messages[i], CMD_NONE, NULL);
	/* Words that mean something in a side thread alone. */
	read_is(&pat, "accept", CMD_NONE, NULL);
	read_is(&pat, "resolve", CMD_RESOLVE, "resolve");
	read_is(&pat, "resolve #2\nPat", CMD_RESOLVE, "resolve #2");
	/* Prose. */
	read_is(&pat, "Fork lifts are cheap this year.\n\nShould we buy one?\n\nPat", CMD_NONE, NULL);
	read_is(&pat, "Search results look odd since Monday.\nI tried three words.", CMD_NONE, NULL);
	read_is(&pat, "Hello,\n\nwhat is the plan?\n\nPat", CMD_NONE, NULL);
}

static void orders__edit__is_the_text_below(void **state)
{
	(void)state;
	read_is(&pat_in_fork, "edit:\n\n**Postgres it is**\n\n- one point\n- another\n\nBest regards\nPat", CMD_EDIT,
	    "edit:\n**Postgres it is**\n\n- one point\n- another");
	read_is(&pat_in_fork, "Edit: Postgres it is\n\n- one point: with a colon", CMD_EDIT,
	    "edit:\nPostgres it is\n\n- one point: with a colon");
	read_is(&pat_in_fork, "edit:\n\n> **Postgres it is**\n>\n> - one point\n- and one of mine", CMD_EDIT,
	    "edit:\n**Postgres it is**\n\n- one point\n- and one of mine");
	read_is(&pat, "edit:\nPostgres it is", CMD_NONE, NULL); /* nothing is drafted there */
}

/* The draft as it was sent, quoted and edited where it is. */
static void orders__edit__takes_the_quoted_draft(void **state)
{
	(void)state;
	read_is(&pat_in_fork,
	    "edit:\n\nOn Fri, 20 Nov 2026 at 10:00, Eddy <eddy@acme.example> wrote:\n"
	    "> This is what would go back to \"Planning\":\n>\n> *Postgres it is*\n>\n> - one point [1]\n> - a better point [2]\n>\n> *Decisions*\n>\n"
	    "> 1. We take Postgres. [3]\n>\n> 1. Accept\n> 2. Discard\n>\n> To choose, answer with the number.\n"
	    "> To change it, answer with edit: and below that the text as you want it.\n>\n> -- \n> Eddy (an AI teammate), eddy@acme.example\n",
	    CMD_EDIT,
	    "edit:\n*Postgres it is*\n\n- one point [1]\n- a better point [2]\n\n*Decisions*\n\n1. We take Postgres. [3]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders__command__stands_between_hello_and_goodbye),
		cmocka_unit_test(orders__message__that_says_more_is_no_command),
		cmocka_unit_test(orders__edit__is_the_text_below),
		cmocka_unit_test(orders__edit__takes_the_quoted_draft),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
