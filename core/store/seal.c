/*
 * The keys lie in memory that is locked and kept out of core files.  Several are valid at a time: the first seals, all open.  The file is read
 * again when it has changed, so that a daemon learns of a new key while it runs; a key stays in the file after a rotation, because backups
 * from before need it.  Whoever writes the file holds a lock beside it, or the key of one of two at once would be lost with all that it seals.
 * Whoever seals holds a shared lock in the database from before it chooses the key until it commits: a rotation waits for them.
 *
 * Who opens a value is counted here, by value and use.  The first time, and then once an hour, the count goes into the audit log, in the transaction that reads: what
 * cannot be noted is not read.
 */
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/buf.h"
#include "../base/clock.h"
#include "../base/encode.h"
#include "../base/fault.h"
#include "../base/mem.h"

#define KEYS_MAX 16
#define READERS_MAX 256
#define TELL_MS 3600000u
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

#define SEALING "7306368425062728012" /* the advisory lock of who seals: any number that nobody else takes */

/* Whoever keeps what secrets there are (core/engine/hush.c) looks again. */
#define TOLD " SELECT pg_notify('eddy_config', '') FROM x"
const struct pg_statement secret_statements[] = {
	{ "secret_sealing", "SELECT pg_advisory_xact_lock_shared(" SEALING ")" },
	{ "secret_settle", "SELECT pg_advisory_xact_lock(" SEALING ")" },
	{ "secret_put",
	    "WITH x AS (INSERT INTO secrets AS s (ws, kind, name, key_id, nonce, sealed) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (ws, kind, name)"
	    " DO UPDATE SET key_id = excluded.key_id, nonce = excluded.nonce, sealed = excluded.sealed, changed_at = now() RETURNING 1)" TOLD },
	{ "secret_put_new",
	    "WITH x AS (INSERT INTO secrets (ws, kind, name, key_id, nonce, sealed) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1)" TOLD },
	{ "secret_get", "SELECT key_id, nonce, sealed FROM secrets WHERE ws = $1 AND kind = $2 AND name = $3" },
	{ "secret_remove", "WITH x AS (DELETE FROM secrets WHERE ws = $1 AND kind = $2 AND name = $3 RETURNING 1)" TOLD },
	{ "secret_each",
	    "SELECT kind, name, key_id, nonce, sealed FROM secrets WHERE ws = $1 AND (kind, name) > ($2, $3) ORDER BY kind, name LIMIT $4" },
	{ "secret_list", "SELECT kind, name, key_id, changed_at FROM secrets WHERE ws = $1 ORDER BY kind, name" },
	{ "secret_old",
	    "SELECT kind, name, key_id, nonce, sealed FROM secrets WHERE ws = $1 AND key_id <> $2 AND (kind, name) > ($4, $5)"
	    " ORDER BY kind, name LIMIT $3 FOR UPDATE" },
	{ "secret_read",
	    "INSERT INTO audit (ws, id, verb, facts) SELECT $1, $2, 'secret.read', jsonb_build_object('kind', $3::text, 'name', $4::text, 'for', $5::text,"
	    " 'times', $6::int8, 'process', $7::text)" },
	{ "secret_renew", "UPDATE secrets SET key_id = $4, nonce = $5, sealed = $6 WHERE ws = $1 AND kind = $2 AND name = $3" },
	{ NULL, NULL },
};

struct key {
	unsigned char master[SEAL_KEY];
	char id[SEAL_ID + 1];
};
struct keyring { /* in locked memory */
	struct key keys[KEYS_MAX];
	size_t len;
};
struct reader { /* of one value for one use */
	struct id ws;
	char kind[SECRET_NAME_MAX + 1], name[SECRET_NAME_MAX + 1];
	const char *use;
	int64_t times, told;
	uint64_t told_ms;
};
struct seal {
	pthread_mutex_t mutex;
	struct id process; /* of whom the counts are */
	struct reader *readers;
	size_t readers_len;
	struct keyring *ring;
	char *path; /* NULL: the keys came from the settings */
	struct timespec changed;
	off_t size;
};

/* ---- keys ---- */

static void add_key(struct keyring *r, const unsigned char master[SEAL_KEY])
{
	unsigned char digest[SEAL_ID / 2];
	struct key *k = &r->keys[r->len++];
	memcpy(k->master, master, SEAL_KEY);
	crypto_generichash(digest, sizeof digest, master, SEAL_KEY, (const unsigned char *)"eddy key id", 11);
	hex_encode(k->id, digest, sizeof digest);
}

/* Keys in hexadecimal, separated by commas or line ends. */
static bool parse_keys(struct keyring *r, const char *text)
{
	static const char between[] = ", \t\r\n";
	unsigned char master[SEAL_KEY];
	r->len = 0;
	bool ok = true;
	for (const char *s = text + strspn(text, between); ok && *s != '\0'; s += strspn(s, between)) {
		size_t n = strcspn(s, between), got = 0;
		ok = r->len < KEYS_MAX && n == 2 * (size_t)SEAL_KEY &&
		    sodium_hex2bin(master, sizeof master, s, n, NULL, &got, NULL) == 0 && got == SEAL_KEY;
		if (ok)
			add_key(r, master);
		s += n;
	}
	sodium_memzero(master, sizeof master);
	return ok && r->len > 0;
}

/* The file, if it is not the one that was read last.  Mutex held. */
static enum err reread(struct seal *s, bool always)
{
	struct stat st;
	char *text = NULL;
	if (s->path == NULL)
		return ERR_NONE;
	int fd = open(s->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ERR_INPUT;
	enum err e = fstat(fd, &st) == 0 ? ERR_NONE : ERR_BROKEN;
	bool same = e == ERR_NONE && !always && st.st_size == s->size && st.st_mtim.tv_sec == s->changed.tv_sec &&
	    st.st_mtim.tv_nsec == s->changed.tv_nsec;
	if (e == ERR_NONE && !same) {
		size_t max = KEYS_MAX * (2 * (size_t)SEAL_KEY + 2) + 64;
		text = sodium_malloc(max + 1);
		ssize_t n = text == NULL ? -1 : read(fd, text, max);
		if (n >= 0)
			text[n] = '\0';
		struct keyring *fresh = sodium_malloc(sizeof *fresh);
		if (n < 0 || fresh == NULL || !parse_keys(fresh, text)) {
			sodium_free(fresh);
			e = ERR_INPUT;
		} else {
			sodium_free(s->ring);
			s->ring = fresh;
			s->changed = st.st_mtim;
			s->size = st.st_size;
		}
		sodium_free(text);
	}
	close(fd);
	return e;
}

/* Held by whoever writes the file; -1: it can't be had. */
static int lock_keys(const char *path)
{
	struct buf name = BUF_INIT;
	buf_addf(&name, "%s.lock", path);
	int fd = open(name.p, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	buf_done(&name);
	while (fd >= 0 && flock(fd, LOCK_EX) != 0)
		if (errno != EINTR) {
			close(fd);
			return -1;
		}
	return fd;
}

/* The name must be on disk before anything is sealed with it. */
static bool sync_folder(const char *path)
{
	char *dir = xstrdup(path), *slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
	int fd = open(slash == NULL ? "." : *dir != '\0' ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	free(dir);
	return ok;
}

/* ${front} before what is there, as a whole file that takes the old one's place.  Under the lock, so that one name does for what is not finished. */
static bool write_keys(const char *path, const unsigned char front[SEAL_KEY], const struct keyring *rest)
{
	char hex[2 * SEAL_KEY + 2];
	struct buf fresh = BUF_INIT;
	buf_addf(&fresh, "%s.new", path);
	(void)unlink(fresh.p); /* of one that was killed */
	int fd = open(fresh.p, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0;
	for (size_t i = 0; ok && i <= (rest == NULL ? 0 : rest->len) && i < KEYS_MAX; i++) {
		sodium_bin2hex(hex, sizeof hex, i == 0 || rest == NULL ? front : rest->keys[i - 1].master, SEAL_KEY);
		hex[2 * SEAL_KEY] = '\n';
		ok = write(fd, hex, 2 * SEAL_KEY + 1) == 2 * SEAL_KEY + 1;
	}
	sodium_memzero(hex, sizeof hex);
	ok = ok && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	fault_point("seal.key_written");
	ok = ok && rename(fresh.p, path) == 0;
	fault_point("seal.key_there");
	if (!ok)
		(void)unlink(fresh.p);
	buf_done(&fresh);
	return ok && sync_folder(path);
}

static bool make_keys(const char *path)
{
	unsigned char fresh[SEAL_KEY];
	int lock = lock_keys(path);
	random_bytes(fresh, sizeof fresh);
	bool ok = lock >= 0 && (access(path, F_OK) == 0 || write_keys(path, fresh, NULL));
	sodium_memzero(fresh, sizeof fresh);
	if (lock >= 0)
		close(lock);
	return ok;
}

enum err seal_open(struct seal **out, const char *dir, const char *keys, bool make, char *why, size_t why_n)
{
	struct seal *s = xcalloc(1, sizeof *s);
	pthread_mutex_init(&s->mutex, NULL);
	s->process = id_new();
	enum err e = sodium_init() < 0 ? ERR_BROKEN : ERR_NONE;
	snprintf(why, why_n, "libsodium does not start");
	if (e == ERR_NONE && keys != NULL && *keys != '\0') {
		s->ring = sodium_malloc(sizeof *s->ring);
		if (s->ring == NULL || !parse_keys(s->ring, keys)) {
			snprintf(why, why_n,
			    "secrets.master_key takes keys of %d hexadecimal digits, the newest first, with commas between",
			    2 * SEAL_KEY);
			e = ERR_INPUT;
		}
	} else if (e == ERR_NONE && dir == NULL) {
		snprintf(why, why_n, "there is no folder for " SEAL_FILE);
		e = ERR_INPUT;
	} else if (e == ERR_NONE) {
		struct buf path = BUF_INIT;
		buf_addf(&path, "%s/" SEAL_FILE, dir);
		s->path = buf_detach(&path, NULL);
		if (make && access(s->path, F_OK) != 0 && !make_keys(s->path)) {
			snprintf(why, why_n, "cannot make %.300s: %s", s->path, strerror(errno));
			e = ERR_INPUT;
		}
		if (e == ERR_NONE && (e = reread(s, true)) != ERR_NONE)
			snprintf(why, why_n, "%.300s cannot be read, or is no list of keys", s->path);
	}
	if (e != ERR_NONE) {
		seal_close(s);
		return e;
	}
	*out = s;
	return ERR_NONE;
}

void seal_close(struct seal *s)
{
	if (s == NULL)
		return;
	sodium_free(s->ring);
	pthread_mutex_destroy(&s->mutex);
	free(s->readers);
	free(s->path);
	free(s);
}

enum err seal_new_key(struct seal *s, char *why, size_t why_n)
{
	unsigned char fresh[SEAL_KEY];
	enum err e = ERR_NONE;
	if (s->path == NULL) {
		snprintf(
		    why, why_n, "the master key comes from the settings: put a new one in front of it there, with a comma between");
		return ERR_INPUT;
	}
	int lock = lock_keys(s->path);
	pthread_mutex_lock(&s->mutex);
	random_bytes(fresh, sizeof fresh);
	if (lock < 0 || reread(s, true) != ERR_NONE || s->ring->len >= KEYS_MAX || !write_keys(s->path, fresh, s->ring) ||
	    reread(s, true) != ERR_NONE) {
		snprintf(why, why_n,
		    "%.300s cannot be written, or has %d keys already: remove the last lines when no backup needs them", s->path,
		    KEYS_MAX);
		e = ERR_INPUT;
	}
	pthread_mutex_unlock(&s->mutex);
	if (lock >= 0)
		close(lock);
	sodium_memzero(fresh, sizeof fresh);
	return e;
}

size_t seal_keys(struct seal *s, char id[SEAL_ID + 1])
{
	pthread_mutex_lock(&s->mutex);
	(void)reread(s, false);
	size_t n = s->ring->len;
	memcpy(id, s->ring->keys[0].id, SEAL_ID + 1);
	pthread_mutex_unlock(&s->mutex);
	return n;
}

/* ---- a value ---- */

static bool named_well(const char *s)
{
	size_t n = strlen(s);
	return n > 0 && n <= SECRET_NAME_MAX && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._:-")] == '\0';
}

/* What is sealed with the value: each part ends where it ends. */
static size_t bound(struct id ws, const char *kind, const char *name, unsigned char out[2 * SECRET_NAME_MAX + 64])
{
	size_t k = strlen(kind) + 1, n = strlen(name) + 1;
	memcpy(out, "eddy1", 6);
	memcpy(out + 6, ws.b, sizeof ws.b);
	memcpy(out + 6 + sizeof ws.b, kind, k);
	memcpy(out + 6 + sizeof ws.b + k, name, n);
	return 6 + sizeof ws.b + k + n;
}

static void derive(const struct key *k, struct id ws, unsigned char out[SEAL_KEY])
{
	unsigned char label[12 + sizeof ws.b];
	memcpy(label, "eddy tenant", 12);
	memcpy(label + 12, ws.b, sizeof ws.b);
	crypto_generichash(out, SEAL_KEY, label, sizeof label, k->master, SEAL_KEY);
}

/* $4 key, $5 nonce, $6 the sealed bytes behind what ${a} has. */
static void arg_sealed(
    struct seal *s, struct pg_args *a, struct id ws, const char *kind, const char *name, const void *value, size_t n)
{
	unsigned char key[SEAL_KEY], nonce[NONCE], with[2 * SECRET_NAME_MAX + 64], *sealed = xmalloc(n + TAG);
	char id[SEAL_ID + 1];
	size_t with_n = bound(ws, kind, name, with);
	pthread_mutex_lock(&s->mutex);
	(void)reread(s, false);
	derive(&s->ring->keys[0], ws, key);
	memcpy(id, s->ring->keys[0].id, sizeof id);
	pthread_mutex_unlock(&s->mutex);
	random_bytes(nonce, sizeof nonce);
	unsigned long long len = 0;
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, &len, value, n, with, with_n, NULL, nonce, key);
	sodium_memzero(key, sizeof key);
	pg_arg_str(a, id);
	pg_arg_bytes(a, nonce, sizeof nonce);
	pg_arg_bytes(a, sealed, (size_t)len);
	free(sealed);
}

/* Columns from ${col}: key, nonce, sealed. */
static enum err open_row(
    struct seal *s, struct id ws, const char *kind, const char *name, const PGresult *r, int i, int col, struct buf *out)
{
	unsigned char key[SEAL_KEY], with[2 * SECRET_NAME_MAX + 64];
	const char *id = pg_get_str(r, i, col);
	const unsigned char *sealed = (const unsigned char *)PQgetvalue(r, i, col + 2);
	size_t n = (size_t)PQgetlength(r, i, col + 2), with_n = bound(ws, kind, name, with);
	if (PQgetlength(r, i, col + 1) != (int)NONCE || n < TAG || n > SECRET_MAX + TAG)
		return ERR_DENIED;
	bool found = false;
	pthread_mutex_lock(&s->mutex);
	for (int pass = 0; pass < 2 && !found; pass++) {
		for (size_t k = 0; k < s->ring->len && !found; k++)
			if ((found = strcmp(s->ring->keys[k].id, id) == 0))
				derive(&s->ring->keys[k], ws, key);
		if (!found)
			(void)reread(s, true); /* sealed with a key that came after we looked */
	}
	pthread_mutex_unlock(&s->mutex);
	if (!found)
		return ERR_DENIED;
	buf_reserve(out, n);
	unsigned long long len = 0;
	int bad = crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)out->p + out->len, &len, NULL, sealed, n, with,
	    with_n, (const unsigned char *)PQgetvalue(r, i, col + 1), key);
	sodium_memzero(key, sizeof key);
	if (bad != 0)
		return ERR_DENIED;
	out->len += (size_t)len;
	out->p[out->len] = '\0';
	return ERR_NONE;
}

/* ---- rows ---- */

static enum err put(struct seal *s, struct pg *pg, struct id ws, const char *statement, const char *kind, const char *name,
    const void *value, size_t n, bool *made)
{
	if (!named_well(kind) || !named_well(name) || n == 0 || n > SECRET_MAX)
		return ERR_INPUT;
	PGresult *r = NULL;
	enum err e = pg_query(pg, "secret_sealing", NULL, &r);
	PQclear(r);
	if (e != ERR_NONE)
		return e;
	struct pg_args *a = pg_args_new();
	r = NULL;
	pg_arg_id(a, ws);
	pg_arg_str(a, kind);
	pg_arg_str(a, name);
	arg_sealed(s, a, ws, kind, name, value, n);
	e = pg_query(pg, statement, a, &r);
	if (made != NULL)
		*made = e == ERR_NONE && PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1;
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err secret_put(struct seal *s, struct pg *pg, struct id ws, const char *kind, const char *name, const void *value, size_t n)
{
	return put(s, pg, ws, "secret_put", kind, name, value, n, NULL);
}

enum err secret_put_new(
    struct seal *s, struct pg *pg, struct id ws, const char *kind, const char *name, const void *value, size_t n, bool *made)
{
	return put(s, pg, ws, "secret_put_new", kind, name, value, n, made);
}

static enum err named(struct pg *pg, const char *statement, struct id ws, const char *kind, const char *name, PGresult **r)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, kind);
	pg_arg_str(a, name);
	enum err e = pg_query(pg, statement, a, r);
	pg_args_free(a);
	return e;
}

/* ---- who reads ---- */

/* Of a value that belongs to a person the audit log has only the rest of the name: people are in it where they can be erased. */
static const char *name_for_all(const char *name)
{
	char text[ID_TEXT];
	struct id id;
	snprintf(text, sizeof text, "%s", name);
	return strlen(name) >= ID_TEXT && name[ID_TEXT - 1] == ':' && id_parse(text, &id) ? name + ID_TEXT : name;
}

static enum err tell_read(struct seal *s, struct pg *pg, const struct reader *r)
{
	char process[ID_TEXT];
	struct pg_args *a = pg_args_new();
	PGresult *rows = NULL;
	pg_arg_id(a, r->ws);
	pg_arg_id(a, id_new());
	pg_arg_str(a, r->kind);
	pg_arg_str(a, r->name);
	pg_arg_str(a, r->use);
	pg_arg_int8(a, r->times);
	pg_arg_str(a, id_format(s->process, process));
	enum err e = pg_query(pg, "secret_read", a, &rows);
	PQclear(rows);
	pg_args_free(a);
	return e;
}

/* Mutex held.  There is room for more than an installation has; when there is not, those whose count is known make it. */
static struct reader *reader_of(struct seal *s, struct id ws, const char *kind, const char *name, const char *use)
{
	struct reader *oldest = NULL;
	for (size_t i = 0; i < s->readers_len; i++) {
		struct reader *r = &s->readers[i];
		if (id_equal(r->ws, ws) && strcmp(r->name, name) == 0 && strcmp(r->kind, kind) == 0 && strcmp(r->use, use) == 0)
			return r;
		bool known = r->times == r->told, kept = oldest != NULL && oldest->times == oldest->told;
		if (oldest == NULL || known > kept || (known == kept && r->told_ms < oldest->told_ms))
			oldest = r;
	}
	if (s->readers_len < READERS_MAX) {
		s->readers = xrealloc(s->readers, (s->readers_len + 1) * sizeof *s->readers);
		oldest = &s->readers[s->readers_len++];
	}
	*oldest = (struct reader){ .ws = ws, .use = use };
	snprintf(oldest->kind, sizeof oldest->kind, "%s", kind);
	snprintf(oldest->name, sizeof oldest->name, "%s", name);
	return oldest;
}

static enum err note_read(struct seal *s, struct pg *pg, struct id ws, const char *kind, const char *name, const char *use)
{
	uint64_t now = clock_ms();
	struct reader copy;
	pthread_mutex_lock(&s->mutex);
	struct reader *r = reader_of(s, ws, kind, name_for_all(name), use);
	bool due = r->told == 0 || now - r->told_ms >= TELL_MS;
	r->times++;
	if (due) {
		r->told = r->times;
		r->told_ms = now;
	}
	copy = *r;
	pthread_mutex_unlock(&s->mutex);
	return due ? tell_read(s, pg, &copy) : ERR_NONE;
}

enum err secret_reads_end(struct seal *s, struct pg *pg)
{
	enum err e = ERR_NONE;
	for (size_t i = 0;; i++) {
		struct reader copy = { 0 };
		pthread_mutex_lock(&s->mutex);
		bool more = i < s->readers_len;
		if (more) {
			copy = s->readers[i];
			s->readers[i].told = copy.times;
		}
		pthread_mutex_unlock(&s->mutex);
		if (!more)
			return e;
		if (copy.times > copy.told && e == ERR_NONE && (e = pg_begin(pg, copy.ws)) == ERR_NONE)
			e = pg_end(pg, tell_read(s, pg, &copy));
	}
}

enum err secret_get(
    struct seal *s, struct pg *pg, struct id ws, const char *kind, const char *name, const char *use, struct buf *out)
{
	PGresult *r = NULL;
	if (!named_well(kind) || !named_well(name))
		return ERR_INPUT;
	enum err e = named(pg, "secret_get", ws, kind, name, &r);
	if (e == ERR_NONE)
		e = PQntuples(r) == 1 ? open_row(s, ws, kind, name, r, 0, 0, out) : ERR_INPUT;
	PQclear(r);
	if (e == ERR_NONE && use != NULL && (e = note_read(s, pg, ws, kind, name, use)) != ERR_NONE)
		secret_wipe(out);
	return e;
}

enum err secret_remove(struct pg *pg, struct id ws, const char *kind, const char *name, bool *gone)
{
	PGresult *r = NULL;
	enum err e = named(pg, "secret_remove", ws, kind, name, &r);
	*gone = e == ERR_NONE && PQntuples(r) == 1;
	PQclear(r);
	return e;
}

enum err secret_list(struct pg *pg, struct id ws, void (*fn)(void *arg, const struct secret_row *r), void *arg)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	enum err e = pg_query(pg, "secret_list", a, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		fn(arg,
		    &(struct secret_row){ pg_get_str(r, i, 0), pg_get_str(r, i, 1), pg_get_str(r, i, 2), pg_get_time_ms(r, i, 3) });
	PQclear(r);
	pg_args_free(a);
	return e;
}

/* A page of them: few values are in memory at a time. */
#define EACH_PAGE 100
static enum err each_page(struct seal *s, struct pg *pg, struct id ws, char **kind, char **name, int *n,
    void (*fn)(void *arg, const char *value, size_t n), void *arg, int *lost)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, *kind);
	pg_arg_str(a, *name);
	pg_arg_int8(a, EACH_PAGE);
	enum err e = pg_query(pg, "secret_each", a, &r);
	pg_args_free(a);
	*n = e == ERR_NONE ? PQntuples(r) : 0;
	for (int i = 0; i < *n; i++) {
		struct buf plain = BUF_INIT;
		free(*kind);
		free(*name);
		*kind = xstrdup(pg_get_str(r, i, 0));
		*name = xstrdup(pg_get_str(r, i, 1));
		if (open_row(s, ws, *kind, *name, r, i, 2, &plain) == ERR_NONE)
			fn(arg, plain.p, plain.len);
		else
			(*lost)++;
		secret_wipe(&plain);
	}
	PQclear(r);
	return e;
}

enum err secret_each(
    struct seal *s, struct pg *pg, struct id ws, void (*fn)(void *arg, const char *value, size_t n), void *arg, int *lost)
{
	char *kind = xstrdup(""), *name = xstrdup("");
	enum err e = ERR_NONE;
	int n = EACH_PAGE;
	*lost = 0;
	for (int all = 0; e == ERR_NONE && n == EACH_PAGE; all += n)
		e = all >= SECRETS_MAX ? ERR_INPUT : each_page(s, pg, ws, &kind, &name, &n, fn, arg, lost);
	free(kind);
	free(name);
	return e;
}

static enum err renew_row(struct seal *s, struct pg *pg, struct id ws, const PGresult *r, int i, int *n, int *lost)
{
	const char *kind = pg_get_str(r, i, 0), *name = pg_get_str(r, i, 1);
	struct buf plain = BUF_INIT;
	enum err e = open_row(s, ws, kind, name, r, i, 2, &plain);
	if (e == ERR_DENIED) {
		(*lost)++;
		return ERR_NONE;
	}
	fault_point("rotate.value");
	if (e == ERR_NONE)
		e = put(s, pg, ws, "secret_renew", kind, name, plain.p, plain.len, NULL);
	*n += e == ERR_NONE;
	secret_wipe(&plain);
	return e;
}

enum err secret_settle(struct pg *pg)
{
	PGresult *r = NULL;
	enum err e = pg_begin_plain(pg);
	if (e == ERR_NONE)
		e = pg_end(pg, pg_query(pg, "secret_settle", NULL, &r));
	PQclear(r);
	return e;
}

enum err secret_renew(struct seal *s, struct pg *pg, struct id ws, int32_t max, int *n, int *lost)
{
	char id[SEAL_ID + 1], *kind = xstrdup(""), *name = xstrdup("");
	enum err e = ERR_NONE;
	bool more = true;
	*n = *lost = 0;
	seal_keys(s, id);
	while (e == ERR_NONE && more && *n < max) {
		PGresult *r = NULL;
		struct pg_args *a = pg_args_new();
		pg_arg_id(a, ws);
		pg_arg_str(a, id);
		pg_arg_int8(a, max);
		pg_arg_str(a, kind);
		pg_arg_str(a, name);
		e = pg_query(pg, "secret_old", a, &r);
		pg_args_free(a);
		more = e == ERR_NONE && PQntuples(r) == max;
		for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
			e = renew_row(s, pg, ws, r, i, n, lost);
			free(kind);
			free(name);
			kind = xstrdup(pg_get_str(r, i, 0));
			name = xstrdup(pg_get_str(r, i, 1));
		}
		PQclear(r);
	}
	free(kind);
	free(name);
	return e;
}

void secret_wipe(struct buf *b)
{
	if (b->p != NULL)
		sodium_memzero(b->p, b->cap);
	buf_done(b);
}
