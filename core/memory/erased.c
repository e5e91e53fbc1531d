/*
 * One append-only file.  Lines are written with one write() under a lock of the file, so that processes of one machine may share it; each ends
 * with the beginning of a digest of itself, so that a line cut by a crash, or changed, is not taken for one.
 */
#include "erased.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "../base/buf.h"
#include "../base/clock.h"
#include "../base/encode.h"
#include "../base/json.h"
#include "../base/log.h"

#define LINE_MAX_BYTES 512
#define SUM 8 /* bytes of the digest */

static void sum_of(const char *line, size_t n, char out[2 * SUM + 1])
{
	unsigned char h[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)line, n, h);
	hex_encode(out, h, SUM);
}

static bool sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static void put_line(const struct erased *e, struct buf *out)
{
	char ws[ID_TEXT], id[ID_TEXT], subject[ID_TEXT], sum[2 * SUM + 1];
	size_t from = out->len;
	buf_addf(out, "{\"kind\":%d,\"ws\":\"%s\",\"id\":\"%s\",\"subject\":\"%s\",\"at\":\"%s\"", (int)e->kind,
	    id_format(e->ws, ws), id_format(e->id, id), id_format(e->subject, subject), e->at);
	sum_of(out->p + from, out->len - from, sum);
	buf_addf(out, ",\"sum\":\"%s\"}\n", sum);
}

enum err erased_note(const char *dir, const struct erased *e)
{
	struct buf out = BUF_INIT;
	struct stat st;
	char path[PATH_MAX], last = '\n';
	snprintf(path, sizeof path, "%.4000s/" ERASED_FILE, dir);
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && flock(fd, LOCK_EX) == 0 && fstat(fd, &st) == 0;
	bool fresh = ok && st.st_size == 0;
	if (ok && !fresh && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n')
		buf_add_char(&out, '\n'); /* a line was cut when the machine went down */
	put_line(e, &out);
	ok = ok && write(fd, out.p, out.len) == (ssize_t)out.len && fsync(fd) == 0 && (!fresh || sync_dir(dir));
	int cause = errno;
	if (fd >= 0)
		close(fd);
	buf_done(&out);
	if (ok)
		log_info("erase.note", LF_INT("kind", (int)e->kind), LF_ID("ws", e->ws), LF_ID("erasure", e->id),
		    LF_ID("subject", e->subject), LF_STR("asked_at", e->at), LF_STR("result", "ok"));
	else
		log_error("erase.note", LF_STR("path", path), LF_STR("why", strerror(cause)), LF_STR("result", "broken"));
	return ok ? ERR_NONE : ERR_BROKEN;
}

enum err erased_note_backup(const char *dir)
{
	struct erased e = { .kind = ERASED_BACKUP, .id = id_new() };
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;
	gmtime_r(&now, &tm);
	strftime(e.at, sizeof e.at, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return erased_note(dir, &e);
}

static bool take_line(const char *text, size_t n, struct erased *out)
{
	static const char before_sum[] = ",\"sum\":\"";
	char why[160], sum[2 * SUM + 1];
	json_t *j = NULL;
	const char *end = memmem(text, n, before_sum, sizeof before_sum - 1);
	if (end == NULL || json_parse(text, n, LINE_MAX_BYTES, &j, why) != ERR_NONE)
		return false;
	sum_of(text, (size_t)(end - text), sum);
	int64_t kind = json_int(j, "kind", -1);
	bool ok = strcmp(sum, json_str(j, "sum", "")) == 0 && kind >= ERASED_BACKUP && kind <= ERASED_WORKSPACE && kind != 4 &&
	    id_parse(json_str(j, "ws", ""), &out->ws) && id_parse(json_str(j, "id", ""), &out->id) &&
	    id_parse(json_str(j, "subject", ""), &out->subject);
	out->kind = (enum erased_kind)kind;
	snprintf(out->at, sizeof out->at, "%s", json_str(j, "at", ""));
	json_decref(j);
	return ok;
}

enum err erased_read(const char *dir, size_t tail, void (*fn)(void *arg, const struct erased *line), void *arg, int *torn)
{
	char path[PATH_MAX], text[LINE_MAX_BYTES];
	struct stat st;
	*torn = 0;
	snprintf(path, sizeof path, "%.4000s/" ERASED_FILE, dir);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return errno == ENOENT ? ERR_INPUT : ERR_BROKEN;
	bool within = false; /* a line of which the beginning was not read */
	if (tail > 0 && fstat(fileno(f), &st) == 0 && st.st_size > (off_t)tail)
		within = fseeko(f, st.st_size - (off_t)tail, SEEK_SET) == 0;
	while (fgets(text, sizeof text, f) != NULL) {
		struct erased line = { .kind = ERASED_BACKUP };
		size_t n = strlen(text);
		bool whole = n > 0 && text[n - 1] == '\n';
		if (!within && whole && n > 1 && take_line(text, n - 1, &line))
			fn(arg, &line);
		else if (!within && n > 1)
			(*torn)++;
		within = !whole;
	}
	bool ok = ferror(f) == 0;
	fclose(f);
	return ok ? ERR_NONE : ERR_BROKEN;
}
