#ifndef EDDY_SLACK_HOME_H
#define EDDY_SLACK_HOME_H

struct buf;
struct slack;

/* The app's own pages in Slack.  Any thread; in the background. */

/** Somebody opened the Home tab: shows what Eddy can do, how it is, and how to get help. */
void home_publish(struct slack *s, const char *user);
/** Somebody opened the conversation: offers first questions.  ${thread_ts}: only for the legacy assistant view, else NULL. */
void home_suggest(struct slack *s, const char *channel, const char *thread_ts);
/** The view as JSON. */
void home_view(const char *name, const char *command, const char *state, struct buf *out);
/** The suggested prompts as a JSON array; the manifest offers the same. */
struct home_prompt {
	const char *title, *message;
};
#define HOME_PROMPTS 3
extern const struct home_prompt home_prompts[HOME_PROMPTS];

#endif
