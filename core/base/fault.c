/*
 * Fault points are compiled into every build, so what the fault tests break is the binary that people run.  The specification is
 * parsed once into a small table; a point that is not in the table costs one lookup while anything is armed, and one relaxed load
 * otherwise.
 */
#include "fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FAULTS_MAX = 16, NAME_MAX_LEN = 48 };
enum act { ACT_KILL, ACT_STOP, ACT_SLEEP, ACT_EXIT };
struct fault {
	char name[NAME_MAX_LEN];
	enum act act;
	unsigned ms;
	unsigned at; /* 0: every passing */
	bool onward; /* also the passings after ${at} */
	unsigned passed;
};

int fault_state;
static struct fault faults[FAULTS_MAX];
static size_t faults_len;
static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER;

static bool parse_number(const char **p, unsigned *out)
{
	char *end;
	if (**p < '0' || **p > '9')
		return false;
	unsigned long v = strtoul(*p, &end, 10);
	if (v > 100000000)
		return false;
	*out = (unsigned)v;
	*p = end;
	return true;
}

static bool parse_one(const char **p, struct fault *f)
{
	size_t n = strcspn(*p, "=,");
	if (n == 0 || n >= sizeof f->name || (*p)[n] != '=')
		return false;
	*f = (struct fault){ 0 };
	memcpy(f->name, *p, n);
	*p += n + 1;
	if (strncmp(*p, "kill", 4) == 0) {
		f->act = ACT_KILL;
		*p += 4;
	} else if (strncmp(*p, "stop", 4) == 0) {
		f->act = ACT_STOP;
		*p += 4;
	} else if (strncmp(*p, "exit", 4) == 0) {
		f->act = ACT_EXIT;
		*p += 4;
	} else if (strncmp(*p, "sleep:", 6) == 0) {
		f->act = ACT_SLEEP;
		*p += 6;
		if (!parse_number(p, &f->ms))
			return false;
	} else {
		return false;
	}
	if (**p == '@') {
		++*p;
		if (!parse_number(p, &f->at) || f->at == 0)
			return false;
		if (**p == '+') {
			f->onward = true;
			++*p;
		}
	}
	return **p == '\0' || **p == ',';
}

static bool arm_locked(const char *spec)
{
	faults_len = 0;
	for (const char *p = spec; p != NULL && *p != '\0';) {
		if (faults_len == FAULTS_MAX || !parse_one(&p, &faults[faults_len])) {
			faults_len = 0;
			break;
		}
		faults_len++;
		if (*p == ',')
			p++;
	}
	__atomic_store_n(&fault_state, faults_len > 0 ? 2 : 1, __ATOMIC_RELAXED);
	return faults_len > 0 || spec == NULL || *spec == '\0';
}

bool fault_arm(const char *spec)
{
	pthread_mutex_lock(&fault_lock);
	bool ok = arm_locked(spec);
	pthread_mutex_unlock(&fault_lock);
	return ok;
}

static void act(const struct fault *f)
{
	switch (f->act) {
	case ACT_KILL:
		kill(getpid(), SIGKILL);
		break;
	case ACT_STOP:
		kill(getpid(), SIGSTOP);
		break;
	case ACT_EXIT:
		_exit(70);
	case ACT_SLEEP: {
		struct timespec ts = { .tv_sec = f->ms / 1000, .tv_nsec = (long)(f->ms % 1000) * 1000000 };
		nanosleep(&ts, NULL);
		break;
	}
	}
}

void fault_hit(const char *name)
{
	struct fault todo;
	bool hit = false;
	pthread_mutex_lock(&fault_lock);
	if (fault_state == 0)
		arm_locked(getenv("EDDY_FAULT"));
	for (size_t i = 0; i < faults_len && !hit; i++) {
		struct fault *f = &faults[i];
		if (strcmp(f->name, name) != 0)
			continue;
		f->passed++;
		if (f->at == 0 || f->passed == f->at || (f->onward && f->passed > f->at)) {
			todo = *f;
			hit = true;
		}
	}
	pthread_mutex_unlock(&fault_lock);
	if (hit)
		act(&todo);
}
