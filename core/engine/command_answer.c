/*
 * Canonical answers as Markdown.  They are short, say only what the facts say, and come in one language: commands are understood in
 * five, but an answer nobody proof-reads in a language is worse than one in English.  Names and titles come from outside, so they
 * go through one function that takes Markdown's signs out of them.
 */
#include "command.h"

#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/tz.h"
#include "../base/utf8.h"

#define NAME_MAX_BYTES 120
#define HISTORY_SHOWN 20

void command_put_name(struct buf *md, const char *s)
{
	size_t n = strlen(s), keep = utf8_clip(s, n, NAME_MAX_BYTES);
	command_put_plain(md, s, keep);
	if (keep < n)
		buf_add_str(md, "…");
}

void command_put_plain(struct buf *md, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		if ((unsigned char)c < 0x20 || c == 0x7f) {
			buf_add_char(md, ' ');
			continue;
		}
		if (strchr("\\`*_[]<>()#|~&!", c) != NULL)
			buf_add_char(md, '\\');
		buf_add_char(md, c);
	}
}

static void add_local(struct buf *md, const struct command_facts *f, bool with_time, bool with_date)
{
	struct tz_time t;
	bool known = tz_local(f->tz, f->wall_ms, &t);
	if (with_time)
		buf_addf(md, "**%02d:%02d**", t.hour, t.minute);
	if (with_time && with_date)
		buf_add_str(md, " on ");
	if (with_date)
		buf_addf(
		    md, with_time ? "%s, %d %s %d" : "**%s, %d %s %d**", tz_weekday(t.weekday), t.day, tz_month(t.month), t.year);
	int minutes = abs(t.offset_s) / 60;
	if (known)
		buf_addf(md, " in %s (UTC%c%02d:%02d)", f->tz, t.offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
	else
		buf_add_str(md, " UTC (I don't know your time zone)");
}

static const char *agent(const struct command_facts *f)
{
	return f->agent != NULL && f->agent[0] != '\0' ? f->agent : "Eddy";
}

static const char *visibility_words(enum visibility v)
{
	switch (v) {
	case VIS_DIRECT:
		return "a direct conversation";
	case VIS_PRIVATE:
		return "a private channel";
	case VIS_EXTERNAL:
		return "a channel shared with another organisation";
	case VIS_PUBLIC:
		return "a public channel";
	case VIS_UNKNOWN:
		break;
	}
	return "a place I know little about, so I treat it as private";
}

static void add_commands(struct buf *md)
{
	buf_add_str(md,
	    "- `help` – this list\n"
	    "- `what can you do` – what I can and cannot do\n"
	    "- `status` – what I am connected to\n"
	    "- `who am I` – what I know about you\n"
	    "- `date`, `time` – in your time zone\n"
	    "- `history` – what I did in this thread, with time, tokens and cost\n"
	    "- `stop` – end the answer I am writing\n"
	    "- `quiet here` / `come back` – stay out of this thread unless I am named, or join again\n"
	    "\nThese take a moment more:\n\n"
	    "- `search WORDS` – with `in:` `from:` `before:` `after:` `has:`\n"
	    "- `fork TOPIC` – a side thread for one question; in it `resolve` drafts what comes back, `abandon` closes it; `forks` lists them\n"
	    "- `summarise`, `catch me up` – this thread in short, or what you have missed\n"
	    "- `threads`, `rename to TITLE`, `mark as resolved`, `archive`, `reopen`\n"
	    "- `remember: …`, `pin that`, `what do you remember about …`, `why do you think so`, `forget that`\n"
	    "- `private mode`, `export my data`, `forget me`, `link`\n");
}

static void answer_help(const struct command_facts *f, struct buf *md)
{
	buf_add_str(md, f->mention_needed ? "Mention me with a question, or answer in a thread I am part of. " : "Just ask. ");
	buf_add_str(md,
	    f->has_model ? "I answer in the thread, with links to what I quote.\n\n"
	                 : "No model is connected, so I search the stored messages and quote what I find.\n\n");
	buf_add_str(md, "These I answer at once, without a model:\n\n");
	add_commands(md);
	if (f->offers_people)
		buf_add_str(md, "- `talk to a person` – I ask the team, who answer here; `back to Eddy` – I take over again\n");
}

static void answer_capabilities(const struct command_facts *f, struct buf *md)
{
	buf_add_str(md, "I'm ");
	command_put_name(md, agent(f));
	buf_add_str(md, ", a teammate that answers where you talk.\n\n");
	if (f->has_model)
		buf_add_str(md, "- I answer questions and help with text in this thread, reading its messages first.\n");
	else
		buf_add_str(md, "- No model is connected right now, so I do not write free answers.\n");
	buf_add_str(md,
	    "- I find what was said: *who said …*, *when did we …*, *what did … say about …*, *links about …*, and quote it with its link.\n");
	if (f->is_guest)
		buf_add_str(md, "- For guests I read this thread only.\n");
	else if (f->visibility == VIS_EXTERNAL || f->visibility == VIS_UNKNOWN)
		buf_add_str(md, "- Here I read this conversation only, because others may read along.\n");
	else
		buf_add_str(md,
		    "- I read this conversation and the public channels I am in; never direct messages, private or shared channels "
		    "from elsewhere.\n");
	buf_add_str(md,
	    "- I tell you the date, the time, my status and what I did here, without a model.\n"
	    "- I change nothing anywhere: I read and answer.\n\nSay `help` for the commands.");
}

static void answer_whoami(const struct command_facts *f, struct buf *md)
{
	if (f->person != NULL && f->person[0] != '\0') {
		buf_add_str(md, "You are **");
		command_put_name(md, f->person);
		buf_add_str(md, "**");
	} else {
		buf_add_str(md, "I don't know your name");
	}
	if (f->is_guest)
		buf_add_str(md, ", a guest");
	if (f->workspace != NULL && f->workspace[0] != '\0') {
		buf_add_str(md, ", in the workspace ");
		command_put_name(md, f->workspace);
	}
	if (f->adapter != NULL) {
		buf_add_str(md, ", writing through ");
		command_put_name(md, f->adapter);
	}
	buf_add_str(md, ".\n");
	if (f->place != NULL && f->place[0] != '\0') {
		buf_add_str(md, "We are in ");
		command_put_name(md, f->place);
		buf_addf(md, ", %s.\n", visibility_words(f->visibility));
	} else {
		buf_addf(md, "We are in %s.\n", visibility_words(f->visibility));
	}
	buf_add_str(md, "Your time is ");
	add_local(md, f, true, false);
	buf_add_str(md, ".");
	if (f->linked != NULL) {
		buf_add_str(md, "\n\nYou are one user with:\n");
		buf_add_str(md, f->linked);
	}
}

/* "name: value" lines as a list; both halves come from our own parts, but a value may hold a name from outside. */
static void add_lines(struct buf *md, const char *lines)
{
	while (lines != NULL && *lines != '\0') {
		size_t n = strcspn(lines, "\n");
		if (n > 0) {
			char line[400];
			size_t keep = utf8_clip(lines, n, sizeof line - 1);
			memcpy(line, lines, keep);
			line[keep] = '\0';
			char *value = strstr(line, ": ");
			buf_add_str(md, "- ");
			if (value != NULL) {
				*value = '\0';
				command_put_name(md, line);
				buf_add_str(md, ": ");
				command_put_name(md, value + 2);
			} else {
				command_put_name(md, line);
			}
			buf_add_char(md, '\n');
		}
		lines += n + (lines[n] == '\n');
	}
}

static void answer_status(const struct command_facts *f, struct buf *md)
{
	buf_add_str(md, "I'm here and working.\n\n- model: ");
	command_put_name(md, f->model != NULL ? f->model : "none");
	if (!f->has_model)
		buf_add_str(md, " – I can still search and answer commands");
	buf_add_char(md, '\n');
	add_lines(md, f->adapters);
	add_lines(md, f->status);
	buf_addf(md, "- this thread: %lld message%s, ", (long long)f->messages, f->messages == 1 ? "" : "s");
	buf_add_str(md, f->quiet ? "quiet, I answer only when named" : f->taking_part ? "I take part" : "I listen for my name");
	buf_add_char(md, '\n');
}

static void add_ms(struct buf *md, uint32_t ms)
{
	if (ms < 1000)
		buf_addf(md, "%u ms", ms);
	else
		buf_addf(md, "%u.%u s", ms / 1000, ms % 1000 / 100);
}

static void add_cost(struct buf *md, int64_t micros)
{
	if (micros <= 0)
		return;
	if (micros < 10000)
		buf_addf(md, ", $%lld.%06lld", (long long)(micros / 1000000), (long long)(micros % 1000000));
	else
		buf_addf(md, ", $%lld.%02lld", (long long)(micros / 1000000), (long long)(micros % 1000000 / 10000));
}

static void add_history_row(struct buf *md, const struct command_facts *f, const struct history_row *h)
{
	struct tz_time t;
	tz_local(f->tz, h->at_ms > 0 ? (uint64_t)h->at_ms : 0, &t);
	buf_addf(md, "- %04d-%02d-%02d %02d:%02d %s: ", t.year, t.month, t.day, t.hour, t.minute, t.abbreviation);
	buf_add_str(md, h->what != NULL ? h->what : "worked");
	if (h->command != CMD_NONE)
		buf_addf(md, " `%s`", command_name(h->command));
	if (h->asker != NULL) {
		buf_add_str(md, " for ");
		command_put_name(md, h->asker);
	}
	if (h->model != NULL) {
		buf_add_str(md, ", ");
		command_put_name(md, h->model);
	}
	if (h->tools != NULL && h->tools[0] != '\0') {
		buf_add_str(md, ", used ");
		command_put_name(md, h->tools);
	}
	if (h->total_ms > 0) {
		buf_add_str(md, ", ");
		add_ms(md, h->total_ms);
	}
	if (h->input_tokens + h->output_tokens > 0)
		buf_addf(md, ", %lld + %lld tokens", (long long)h->input_tokens, (long long)h->output_tokens);
	add_cost(md, h->cost_micros);
	buf_add_char(md, '\n');
}

static void answer_history(const struct command_facts *f, struct buf *md)
{
	if (f->history_len == 0) {
		buf_add_str(md, "I have done nothing in this thread so far.");
		return;
	}
	int64_t total = f->history_total > (int64_t)f->history_len ? f->history_total : (int64_t)f->history_len;
	size_t first = f->history_len > HISTORY_SHOWN ? f->history_len - HISTORY_SHOWN : 0;
	size_t shown = f->history_len - first;
	if ((int64_t)shown < total)
		buf_addf(md, "The last %zu of %lld things I did in this thread:\n\n", shown, (long long)total);
	else
		buf_addf(md, "What I did in this thread:\n\n");
	int64_t tokens = 0, cost = 0;
	for (size_t i = first; i < f->history_len; i++) {
		add_history_row(md, f, &f->history[i]);
		tokens += f->history[i].input_tokens + f->history[i].output_tokens;
		cost += f->history[i].cost_micros;
	}
	if (tokens > 0) {
		buf_addf(md, "\nTogether %lld tokens", (long long)tokens);
		add_cost(md, cost);
		buf_add_char(md, '.');
	}
}

#define HOUR_MS (INT64_C(3600) * 1000)

/* By how long it is since last time; what was asked then is recalled for a week. */
static void add_gap(const struct command_facts *f, struct buf *md)
{
	struct tz_time t;
	if (!f->gap_known || f->gap_ms == 0) {
		buf_addf(md, "! %s", f->gap_known ? "I'm Eddy, pleased to meet you. " : "");
		return;
	}
	buf_add_str(md,
	    f->gap_ms < 36 * HOUR_MS        ? "! "
	        : f->gap_ms < 168 * HOUR_MS ? ", good to hear from you again! "
	                                    : ", it has been a while! ");
	if (f->last_asked == NULL || f->gap_ms < 8 * HOUR_MS || f->gap_ms >= 168 * HOUR_MS)
		return;
	tz_local(f->tz, f->wall_ms - (uint64_t)f->gap_ms, &t);
	if (f->gap_ms < 36 * HOUR_MS)
		buf_add_str(md, "Last time you asked: “");
	else
		buf_addf(md, "On %s you asked: “", tz_weekday(t.weekday));
	command_put_name(md, f->last_asked);
	buf_add_str(md, "” ");
}

static void answer_greeting(const struct command_facts *f, struct buf *md)
{
	struct tz_time t;
	const char *hello = "Hello";
	if (tz_local(f->tz, f->wall_ms, &t))
		hello = t.hour >= 5 && t.hour < 12 ? "Good morning" : t.hour >= 18 && t.hour < 23 ? "Good evening" : "Hello";
	buf_add_str(md, hello);
	if (f->gap_known && f->gap_ms > 0 && f->gap_ms < 8 * HOUR_MS)
		buf_add_str(md, " again");
	if (f->person != NULL && f->person[0] != '\0') {
		buf_add_char(md, ' ');
		command_put_name(md, f->person);
	}
	add_gap(f, md);
	buf_add_str(md, "Ask me something, or say `help`.");
}

static void answer_handover(const struct command_facts *f, struct buf *md)
{
	switch (f->handover) {
	case HANDOVER_ASKED:
		buf_add_str(md,
		    "I have asked the team, and they can read what was said here so far. Their answers appear here; if you leave, you find "
		    "them when you come back. Until then I keep out of it. Say `back to Eddy` when you want me again.");
		break;
	case HANDOVER_WAITING:
		buf_add_str(md, "I have asked the team already; their answers appear here.");
		break;
	case HANDOVER_OPEN:
		buf_add_str(md,
		    "The team has this conversation already; what you write goes to them. Say `back to Eddy` when you want me.");
		break;
	case HANDOVER_UNREACHABLE:
		buf_add_str(md, "I can't reach the team at this moment. Please ask again in a few minutes; until then I'm here.");
		break;
	case HANDOVER_NOT_OFFERED:
		buf_add_str(md, "I can't pass this conversation on to a person here. Is there something I can do?");
		break;
	}
}

enum api_code command_refuses(enum command c, const struct command_facts *f)
{
	if (c == CMD_PLACE_CLOSED)
		return API_FORBIDDEN;
	if (c == CMD_TOO_MUCH)
		return API_LIMITED;
	if (c == CMD_HANDOVER)
		return f->handover == HANDOVER_UNREACHABLE ? API_UNAVAILABLE
		    : f->handover == HANDOVER_NOT_OFFERED  ? API_NOT_FOUND
		                                           : API_OK;
	return API_OK;
}

void command_answer(enum command c, const struct command_facts *f, struct buf *md)
{
	switch (c) {
	case CMD_HELP:
		answer_help(f, md);
		break;
	case CMD_STATUS:
		answer_status(f, md);
		break;
	case CMD_WHOAMI:
		answer_whoami(f, md);
		break;
	case CMD_CAPABILITIES:
		answer_capabilities(f, md);
		break;
	case CMD_DATE:
		buf_add_str(md, "Today is ");
		add_local(md, f, false, true);
		buf_add_char(md, '.');
		break;
	case CMD_TIME:
		buf_add_str(md, "It is ");
		add_local(md, f, true, true);
		buf_add_char(md, '.');
		break;
	case CMD_STOP:
		buf_add_str(md, f->was_running ? "Stopped." : "Nothing is running here.");
		break;
	case CMD_QUIET:
		buf_add_str(md, "All right, I stay quiet here and answer only when named. Say `come back` to have me join again.");
		break;
	case CMD_COME_BACK:
		buf_add_str(md, "I'm here and take part.");
		break;
	case CMD_HISTORY:
		answer_history(f, md);
		break;
	case CMD_GREETING:
		answer_greeting(f, md);
		break;
	case CMD_INTRODUCE:
		buf_add_str(md, "Hi, I'm ");
		command_put_name(md, agent(f));
		buf_add_str(md, ". Mention me with a question and I answer in its thread; `help` shows what I can do.");
		break;
	case CMD_LATE:
		buf_add_str(
		    md, "I was away when you wrote this. Do you still need an answer? If so, ask again here and I start at once.");
		break;
	case CMD_HANDOVER:
		answer_handover(f, md);
		break;
	case CMD_HAND_BACK:
	case CMD_DONE:
		buf_add_str(md,
		    f->is_page
		        ? "I'm back. What can I do for you?"
		        : "All right, the conversation is mine again, and I have said so there. What you write here stays here.");
		break;
	case CMD_PLACE_CLOSED:
		buf_add_str(md,
		    "People from outside read this, so I say nothing here until an admin of this workspace allows it once, with `allow here`.");
		break;
	case CMD_TOO_MUCH:
		buf_add_str(md, "That is more than I can let wait. I leave this one; please ask again in a few minutes.");
		break;
	default: /* the adapter's words, and what handlers answer (ask.h) */
		break;
	}
}
