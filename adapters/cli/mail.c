/* `eddy mail show` and `eddy mail text`: what Eddy makes of a raw mail, for people and tests.  Nothing is connected or stored. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "cli.h"
#include "command.h"

#define MAIL_FILE_MAX ((size_t)16 * 1024 * 1024)

/* At most MAIL_FILE_MAX bytes; ${cut}: there was more. */
static bool read_mail(const char *name, struct buf *out, bool *cut)
{
	bool std = strcmp(name, "-") == 0;
	int fd = std ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		cli_complain("%s: %s", name, strerror(errno));
		return false;
	}
	ssize_t n = 0;
	while (out->len <= MAIL_FILE_MAX) {
		buf_reserve(out, 65536);
		n = read(fd, out->p + out->len, out->cap - out->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		out->len += (size_t)n;
	}
	if (n < 0)
		cli_complain("%s: %s", name, strerror(errno));
	if (!std)
		close(fd);
	*cut = out->len > MAIL_FILE_MAX;
	if (*cut)
		out->len = MAIL_FILE_MAX;
	return n >= 0;
}

/* Who we are, where settings say so.  A mail can be looked at without any: only a file that was asked for must be right. */
static int quiet_settings(struct cli *c)
{
	if (c->config_file != NULL || c->overrides_len > 0)
		return cli_settings(c);
	struct buf problems = BUF_INIT;
	c->settings = settings_new(c->tables);
	if (settings_load(c->settings, NULL, environ, NULL, &problems) != ERR_NONE) {
		settings_free(c->settings);
		c->settings = NULL;
	}
	buf_done(&problems);
	return EXIT_OK;
}

static int run(struct cli *c, enum err (*fn)(const struct cli_mail_input *in, struct buf *out))
{
	struct buf raw = BUF_INIT, out = BUF_INIT;
	struct cli_mail_input in = { .own_addresses = c->own_addresses,
		.own_len = c->own_len,
		.trusted_hosts = c->trusted_hosts,
		.trusted_len = c->trusted_len };
	int r = quiet_settings(c);
	if (r != EXIT_OK)
		return r;
	in.settings = c->settings;
	r = EXIT_FAILED;
	if (read_mail(c->argv[0], &raw, &in.cut)) {
		in.raw = raw.p;
		in.len = raw.len;
		enum err e = fn(&in, &out);
		if (e != ERR_NONE)
			cli_complain("%s: this is no mail: it has no header fields, or too many", c->argv[0]);
		else if (fwrite(out.p, 1, out.len, stdout) == out.len && fflush(stdout) == 0)
			r = EXIT_OK;
	}
	buf_done(&raw);
	buf_done(&out);
	return r;
}

int cmd_mail_show(struct cli *c)
{
	return run(c, c->mail->show);
}

int cmd_mail_text(struct cli *c)
{
	return run(c, c->mail->text);
}
