/* One append-only file.  Lines are written with one write() under a lock of the file, so that processes of one machine may share it. */
#include "checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/buf.h"
#include "../base/clock.h"
#include "../base/encode.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/mem.h"

#define KEY_FILE "audit.key"
#define KEY_MAX 512
#define LINE_MAX_BYTES 1024

struct checkpoints {
	char *path;
	char key[KEY_MAX];
	size_t key_n;
};

/* ---- the key ---- */

static bool read_key(const char *path, char *key, size_t *n)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, key, KEY_MAX - 1);
	close(fd);
	*n = got > 0 ? (size_t)got : 0;
	while (*n > 0 && (key[*n - 1] == '\n' || key[*n - 1] == '\r'))
		(*n)--;
	key[*n] = '\0';
	return true;
}

/* Whole or not at all, and never over one that another process has just made: a link to a finished file. */
static bool make_key(const char *dir, const char *path)
{
	char fresh[PATH_MAX], key[65];
	uint8_t raw[32];
	random_bytes(raw, sizeof raw);
	hex_encode(key, raw, sizeof raw);
	OPENSSL_cleanse(raw, sizeof raw);
	snprintf(fresh, sizeof fresh, "%.4000s/." KEY_FILE ".%d", dir, (int)getpid());
	(void)unlink(fresh);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, key, 64) == 64 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	OPENSSL_cleanse(key, sizeof key);
	ok = ok && (link(fresh, path) == 0 || errno == EEXIST);
	(void)unlink(fresh);
	return ok;
}

enum err checkpoints_open(struct checkpoints **out, const char *dir, const char *key, bool make, char *why, size_t why_n)
{
	char path[PATH_MAX];
	struct checkpoints *c = xcalloc(1, sizeof *c);
	snprintf(path, sizeof path, "%.4000s/" KEY_FILE, dir);
	if (key != NULL && *key != '\0') {
		c->key_n = strlen(key) < KEY_MAX ? strlen(key) : KEY_MAX - 1;
		memcpy(c->key, key, c->key_n);
	} else if (!read_key(path, c->key, &c->key_n) && (!make || !make_key(dir, path) || !read_key(path, c->key, &c->key_n))) {
		snprintf(why, why_n, "cannot %s %s: %s", make ? "make" : "read", path, strerror(errno));
		checkpoints_close(c);
		return ERR_INPUT;
	}
	if (c->key_n < CHECKPOINT_KEY_MIN) {
		snprintf(why, why_n, "the key of the audit log (%s) has less than %d characters",
		    key != NULL && *key != '\0' ? "audit.key" : path, CHECKPOINT_KEY_MIN);
		checkpoints_close(c);
		return ERR_INPUT;
	}
	snprintf(path, sizeof path, "%.4000s/" CHECKPOINT_FILE, dir);
	c->path = xstrdup(path);
	*out = c;
	return ERR_NONE;
}

void checkpoints_close(struct checkpoints *c)
{
	if (c == NULL)
		return;
	OPENSSL_cleanse(c->key, sizeof c->key);
	free(c->path);
	free(c);
}

/* A line of its own key space: a checkpoint can't be turned into the word that something was restored. */
static void seal_of(const struct checkpoints *c, const struct checkpoint *line, uint8_t out[CHAIN_HASH])
{
	chain_mac(c->key, c->key_n, (uint64_t)line->n, line->h, out);
	if (line->kind == CHECKPOINT_RESTORED) {
		uint8_t first[CHAIN_HASH], ws[CHAIN_HASH];
		memcpy(first, out, sizeof first);
		chain_digest(line->ws.b, sizeof line->ws.b, ws);
		chain_mac(first, sizeof first, (uint64_t)line->n, ws, out);
	}
}

/* ---- writing ---- */

static void put_line(const struct checkpoints *c, const struct checkpoint *line, struct buf *out)
{
	char ws[ID_TEXT], h[2 * CHAIN_HASH + 1], mac[2 * CHAIN_HASH + 1], at[32];
	uint8_t seal[CHAIN_HASH];
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;
	gmtime_r(&now, &tm);
	strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm);
	seal_of(c, line, seal);
	hex_encode(h, line->h, CHAIN_HASH);
	hex_encode(mac, seal, CHAIN_HASH);
	buf_addf(out, "{\"ws\":\"%s\",\"%s\":%lld,\"h\":\"%s\",\"mac\":\"%s\",\"at\":\"%s\"}\n", id_format(line->ws, ws),
	    line->kind == CHECKPOINT_RESTORED ? "restored" : "n", (long long)line->n, h, mac, at);
	log_info("audit.checkpoint", LF_ID("ws", line->ws), LF_INT("n", line->n), LF_STR("h", h), LF_STR("mac", mac),
	    LF_STR("kind", line->kind == CHECKPOINT_RESTORED ? "restored" : "link"));
}

static bool sync_dir_of(const char *path)
{
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%.4000s", path);
	char *slash = strrchr(dir, '/');
	if (slash == NULL)
		return true;
	*slash = '\0';
	int fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

enum err checkpoints_add(struct checkpoints *c, const struct checkpoint *lines, size_t n)
{
	if (n == 0)
		return ERR_NONE;
	struct buf out = BUF_INIT;
	struct stat st;
	char last = '\n';
	int fd = open(c->path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && flock(fd, LOCK_EX) == 0 && fstat(fd, &st) == 0;
	bool fresh = ok && st.st_size == 0;
	if (ok && !fresh && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n')
		buf_add_char(&out, '\n'); /* a line was cut when the machine went down */
	for (size_t i = 0; i < n && ok; i++)
		put_line(c, &lines[i], &out);
	ok = ok && write(fd, out.p, out.len) == (ssize_t)out.len && fsync(fd) == 0 && (!fresh || sync_dir_of(c->path));
	int cause = errno;
	if (fd >= 0)
		close(fd);
	buf_done(&out);
	if (!ok)
		log_error("audit.checkpoint", LF_STR("path", c->path), LF_STR("why", strerror(cause)), LF_STR("result", "broken"));
	return ok ? ERR_NONE : ERR_BROKEN;
}

/* ---- reading ---- */

static bool hex_hash(const char *s, uint8_t out[CHAIN_HASH])
{
	if (strlen(s) != 2 * (size_t)CHAIN_HASH || strspn(s, "0123456789abcdef") != 2 * (size_t)CHAIN_HASH)
		return false;
	for (size_t i = 0; i < CHAIN_HASH; i++) {
		char pair[3] = { s[2 * i], s[2 * i + 1], '\0' };
		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

/* 1: a line about ${ws}, 0: about another, -1: nobody can read it. */
static int take_line(const struct checkpoints *c, const char *text, size_t len, struct id ws, struct checkpoint *out)
{
	char why[160];
	uint8_t mac[CHAIN_HASH], real[CHAIN_HASH];
	json_t *j = NULL;
	if (json_parse(text, len, LINE_MAX_BYTES, &j, why) != ERR_NONE)
		return -1;
	const json_t *n = json_object_get(j, "n"), *back = json_object_get(j, "restored");
	out->kind = back != NULL ? CHECKPOINT_RESTORED : CHECKPOINT_LINK;
	bool ok = id_parse(json_str(j, "ws", ""), &out->ws) && json_is_integer(back != NULL ? back : n) &&
	    hex_hash(json_str(j, "h", ""), out->h) && hex_hash(json_str(j, "mac", ""), mac);
	if (ok) {
		out->n = json_integer_value(back != NULL ? back : n);
		snprintf(out->at, sizeof out->at, "%s", json_str(j, "at", ""));
		seal_of(c, out, real);
		out->forged = CRYPTO_memcmp(mac, real, CHAIN_HASH) != 0;
	}
	json_decref(j);
	return !ok ? -1 : id_equal(out->ws, ws) ? 1 : 0;
}

enum err checkpoints_read(
    struct checkpoints *c, struct id ws, void (*fn)(void *arg, const struct checkpoint *line), void *arg, int *torn)
{
	*torn = 0;
	FILE *f = fopen(c->path, "re");
	if (f == NULL)
		return errno == ENOENT ? ERR_NONE : ERR_BROKEN;
	char text[LINE_MAX_BYTES];
	bool within = false; /* a line longer than any of ours */
	for (int line = 1; fgets(text, sizeof text, f) != NULL;) {
		size_t n = strlen(text);
		bool whole = n > 0 && text[n - 1] == '\n';
		struct checkpoint point = { .line = line };
		int about = within || !whole || n == 1 ? -1 : take_line(c, text, n - 1, ws, &point);
		if (about < 0 && n > 1 && !within)
			(*torn)++;
		if (about == 1)
			fn(arg, &point);
		within = !whole;
		line += whole;
	}
	bool ok = ferror(f) == 0;
	fclose(f);
	return ok ? ERR_NONE : ERR_BROKEN;
}
