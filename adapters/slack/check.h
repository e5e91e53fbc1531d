#ifndef EDDY_SLACK_CHECK_H
#define EDDY_SLACK_CHECK_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>

struct http;

/* A call of the Web API that is waited for, up to nine seconds: for programs at the terminal. */
struct check_answer {
	pthread_mutex_t mtx;
	pthread_cond_t cond;
	bool there;
	json_t *body; /* NULL: no answer */
	char why[256];
	char *scopes;
};
void check_call(
    struct http *http, const char *api_url, const char *method, const char *token, const char *form, struct check_answer *a);
void check_answer_done(struct check_answer *a);
/** "a,b, c" holds ${scope}. */
bool check_has(const char *list, const char *scope);

#endif
