#ifndef EDDY_TEST_CORPUS_H
#define EDDY_TEST_CORPUS_H

#include "../../core/base/id.h"

/*
 * A workspace full of talk, made by the database itself in the last fresh database: words by Zipf's law, threads, authors, places of all kinds;
 * a fifth of it in the first workspace, the rest in many small ones.  Always the same for the same numbers.
 *
 * Among the words are some of known frequency: quasar0 … quasar9 in one message of 20,000 each, kappa0 … kappa3 in 1 %, sigma0 and sigma1 in
 * 10 %, delta0 and delta1 in 50 %; "quarterly report" in 10 % and the two the other way round in 10 %; "mu" and "nu" in 5 %, next to each other in
 * 0.02 %; a link in 3 %.
 */
struct corpus {
	int messages, workspaces, channels;
};
void corpus_make(const struct corpus *c);
/** The ${n}-th workspace, from 0; its ${k}-th channel's first public thread and somebody who writes there. */
struct id corpus_workspace(int n);
struct id corpus_person(int workspace, int n);
/** A thread of the workspace in a public channel. */
struct id corpus_thread(int workspace);

#endif
