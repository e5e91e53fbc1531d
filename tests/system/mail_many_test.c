/*
 * A mailbox with thousands of mails, caught up with by the real daemon.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "post.h"

static long resident_kb(void)
{
	char path[60], line[200];
	long kb = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)rig.d[0].pid);
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kb) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kb;
}

static void mailbox__of_10000_mails__is_caught_up_in_little_memory(void **state)
{
	(void)state;
	post_needs_servers();
	enum { MAILS = 10000 };
	char *filler = malloc(3001);
	assert_non_null(filler);
	for (int i = 0; i < 3000; i++)
		filler[i] = i % 72 == 71 ? '\n' : (char)('a' + i % 26);
	filler[3000] = '\0';
	for (int i = 0; i < MAILS; i++) {
		char id[60];
		snprintf(id, sizeof id, "list%d@test.example", i);
		char *raw = post_mail(&(struct letter){ .from = post_bob,
		    .to = post_eddy,
		    .subject = "News",
		    .id = id,
		    .more = "List-Id: <news.test.example>\r\n",
		    .text = filler });
		mail_rig_drop(&post, post_eddy, raw, strlen(raw));
		free(raw);
	}
	free(filler);
	int64_t t0 = now_ms();
	rig_env(&rig, "EDDY_LOG_LEVEL=warn");
	rig_serve(&rig, 0, NULL);
	post_ann_writes("q1@test.example", "the newest of all #1");
	char *answer = mail_rig_wait(&post, post_ann, NULL, 1, 600000);
	if (answer == NULL)
		rig_fail(&rig, "not caught up");
	long kb = resident_kb();
	print_message("# %d mails in %.1f s, %.1f MB at most\n", MAILS, (double)(now_ms() - t0) / 1000, (double)kb / 1024);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (kb > 64 * 1024)
		rig_fail(&rig, "%ld kB resident", kb);
#endif
	free(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    mailbox__of_10000_mails__is_caught_up_in_little_memory, post_set_up, post_tear_down),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, post_up, post_down);
}
