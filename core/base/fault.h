#ifndef EDDY_BASE_FAULT_H
#define EDDY_BASE_FAULT_H

#include <stdbool.h>

/*
 * Named points where the fault tests hurt the running daemon.  Nothing is armed unless the environment says so at the first call:
 * EDDY_FAULT="accept.before_commit=kill@3,post.after=sleep:500" kills the process with SIGKILL the third time it passes the one
 * and sleeps 500 ms each time it passes the other.  Acts: kill, stop (SIGSTOP), sleep:MS, exit; "@N": only the N-th passing,
 * "@N+": that one and all later ones.  Unarmed, a point costs one load and a branch.
 *
 *	fault_point("accept.before_commit");
 */
extern int fault_state; /* 0: not looked yet, 1: nothing armed, 2: armed */
void fault_hit(const char *name);
#define fault_point(name) \
	do { \
		if (__builtin_expect(__atomic_load_n(&fault_state, __ATOMIC_RELAXED) != 1, 0)) \
			fault_hit(name); \
	} while (0)

/** Arm from ${spec} instead of the environment (tests); NULL disarms.  False: the specification is wrong, nothing is armed. */
bool fault_arm(const char *spec);

#endif
