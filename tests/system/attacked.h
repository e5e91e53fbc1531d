#ifndef EDDY_SYSTEM_ATTACKED_H
#define EDDY_SYSTEM_ATTACKED_H

/* What attackers are after, in the database of the running rig: another workspace and a private channel, each with words in it. */
/* Another workspace in the same database. */
#define WS2 "0f0f0f0f-0000-4000-8000-000000000001"
#define PLACE2 "0f0f0f0f-0000-4000-8000-000000000002"
#define PERSON2 "0f0f0f0f-0000-4000-8000-000000000003"
#define THREAD2 "0f0f0f0f-0000-4000-8000-000000000004"
#define ITEM2 "0f0f0f0f-0000-4000-8000-000000000006"
#define KEY2 "0f0f0f0f-0000-4000-8000-000000000007"
/* In ours: a private channel that nobody here reads along in. */
#define BOARD "0e0e0e0e-0000-4000-8000-000000000002"
#define BOARD_THREAD "0e0e0e0e-0000-4000-8000-000000000004"
#define SECRET43 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"

void attacked_seed(void);

#endif
