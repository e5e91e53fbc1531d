/* A settings file of any bytes: loaded or refused with problems, never a crash; what is printed loads again. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"
#include "../../core/settings/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct setting *const tables[] = { core_settings, NULL };

static void must(bool ok)
{
	if (!ok)
		abort();
}

static enum err load(struct settings *s, const void *data, size_t n, struct buf *problems)
{
	char path[64];
	int fd = memfd_create("settings", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	enum err e = settings_load(s, path, NULL, NULL, problems);
	close(fd);
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf problems = BUF_INIT, printed = BUF_INIT;
	buf_reset(&problems);
	struct settings *s = settings_new(tables), *again = settings_new(tables);
	enum err e = load(s, data, n, &problems);
	must(e == ERR_NONE ? problems.len == 0 : e == ERR_INPUT && problems.len > 0);
	for (size_t i = 0; i < problems.len; i++)
		must((unsigned char)problems.p[i] >= 0x20 || problems.p[i] == '\n');
	settings_print(s, &printed);
	must(utf8_valid(printed.p, printed.len));
	buf_reset(&problems);
	if (load(again, printed.p, printed.len, &problems) != ERR_NONE) {
		fprintf(stderr, "%s\n%s", printed.p, problems.p);
		abort();
	}
	must(settings_int(s, "model.timeout") == settings_int(again, "model.timeout"));
	settings_free(s);
	settings_free(again);
	buf_done(&problems);
	buf_done(&printed);
	return 0;
}
