/*
 * Keys are of the P-256 kind, which takes no time to make.  The front is this program begun anew with a thread per connection (a fork of a
 * program with threads may not make threads under the sanitizers), so that no lock or memory of the tested program is involved; a thread moves bytes both ways without blocking and sleeps in poll() in between.
 */
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "tls: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	abort();
}

/* ---- certificates ---- */

static FILE *file_of(const char *dir, const char *name, const char *kind, const char *mode)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s.%s", dir, name, kind);
	FILE *f = fopen(path, mode);
	if (f == NULL)
		give_up(path);
	return f;
}

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX c;
	X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
	if (e == NULL || X509_add_ext(x, e, -1) != 1)
		give_up(value);
	X509_EXTENSION_free(e);
}

void tls_make(const struct tls_cert *c)
{
	static long serial = 1;
	EVP_PKEY *key = EVP_EC_gen("P-256"), *issuer_key = key;
	X509 *x = X509_new(), *issuer = x;
	if (key == NULL || x == NULL)
		give_up("a key");
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++ + (long)getpid() * 1000);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), c->expired ? -3600 : 86400);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
	    (const unsigned char *)(c->san != NULL ? "a server" : c->name), -1, -1, 0);
	if (c->issuer != NULL) {
		FILE *f = file_of(c->dir, c->issuer, "pem", "r"), *k = file_of(c->dir, c->issuer, "key", "r");
		issuer = PEM_read_X509(f, NULL, NULL, NULL);
		issuer_key = PEM_read_PrivateKey(k, NULL, NULL, NULL);
		fclose(f);
		fclose(k);
		if (issuer == NULL || issuer_key == NULL)
			give_up(c->issuer);
	}
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	extend(x, issuer, NID_basic_constraints, c->san != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE");
	extend(x, issuer, NID_key_usage, c->san != NULL ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign");
	extend(x, issuer, NID_subject_key_identifier, "hash");
	extend(x, issuer, NID_authority_key_identifier, "keyid");
	if (c->san != NULL) {
		extend(x, issuer, NID_ext_key_usage, "serverAuth");
		extend(x, issuer, NID_subject_alt_name, c->san);
	}
	if (X509_sign(x, issuer_key, EVP_sha256()) == 0)
		give_up("signing");
	FILE *f = file_of(c->dir, c->name, "pem", "w"), *k = file_of(c->dir, c->name, "key", "w");
	fchmod(fileno(k), 0600);
	if (PEM_write_X509(f, x) != 1 || PEM_write_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) != 1)
		give_up("writing");
	fclose(f);
	fclose(k);
	if (issuer != x) {
		X509_free(issuer);
		EVP_PKEY_free(issuer_key);
	}
	X509_free(x);
	EVP_PKEY_free(key);
}

/* ---- the front ---- */

struct pipe {
	char p[16384];
	int at, len;
};
struct passage {
	SSL *ssl;
	int fd, up;
};

/* One step of reading or writing: bytes moved, 0: would block (with what to wait for in ${*need}), -1: the end. */
static int tls_step(struct passage *x, bool in, char *p, int n, short *need)
{
	int r = in ? SSL_read(x->ssl, p, n) : SSL_write(x->ssl, p, n);
	if (r > 0)
		return r;
	int e = SSL_get_error(x->ssl, r);
	ERR_clear_error();
	if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
		return -1;
	*need = (short)(*need | (e == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT));
	return 0;
}

static int plain_step(struct passage *x, bool in, char *p, int n, short *need)
{
	ssize_t r = in ? recv(x->up, p, (size_t)n, 0) : send(x->up, p, (size_t)n, MSG_NOSIGNAL);
	if (r > 0)
		return (int)r;
	if (r == 0 || (errno != EAGAIN && errno != EINTR))
		return -1;
	*need = (short)(*need | (in ? POLLIN : POLLOUT));
	return 0;
}

/* Moves what there is from one side to the other: 1 moved, 0 nothing to do, -1 the end. */
static int move(struct passage *x, struct pipe *b, bool up, short *need_tls, short *need_plain)
{
	int r, moved = 0;
	if (b->len == 0) {
		b->at = 0;
		r = up ? tls_step(x, true, b->p, sizeof b->p, need_tls) : plain_step(x, true, b->p, sizeof b->p, need_plain);
		if (r < 0)
			return -1;
		b->len = r;
		moved = r > 0;
	}
	if (b->len > 0) {
		r = up ? plain_step(x, false, b->p + b->at, b->len, need_plain)
		       : tls_step(x, false, b->p + b->at, b->len, need_tls);
		if (r < 0)
			return -1;
		b->at += r;
		b->len -= r;
		moved |= r > 0;
	}
	return moved;
}

static void *pass_on(void *arg)
{
	struct passage *x = arg;
	struct pipe up = { .len = 0 }, down = { .len = 0 };
	if (SSL_accept(x->ssl) == 1) {
		fcntl(x->fd, F_SETFL, O_NONBLOCK);
		fcntl(x->up, F_SETFL, O_NONBLOCK);
		for (;;) {
			struct pollfd p[2] = { { .fd = x->fd }, { .fd = x->up } };
			int a = move(x, &up, true, &p[0].events, &p[1].events),
			    b = move(x, &down, false, &p[0].events, &p[1].events);
			if (a < 0 || b < 0)
				break;
			if (a == 0 && b == 0)
				poll(p, 2, -1);
		}
		SSL_shutdown(x->ssl);
	}
	ERR_clear_error();
	SSL_free(x->ssl);
	close(x->fd);
	close(x->up);
	free(x);
	return NULL;
}

static int alpn_http1(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in, unsigned in_n, void *arg)
{
	static const unsigned char http1[] = "\x08http/1.1";
	(void)ssl;
	(void)arg;
	unsigned char *chosen = NULL;
	if (SSL_select_next_proto(&chosen, n, http1, sizeof http1 - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static _Noreturn void serve(int listener, const char *dir, const char *name, int upstream)
{
	char cert[600], key[600];
	snprintf(cert, sizeof cert, "%s/%s.pem", dir, name);
	snprintf(key, sizeof key, "%s/%s.key", dir, name);
	signal(SIGPIPE, SIG_IGN);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL || SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		give_up(cert);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_alpn_select_cb(ctx, alpn_http1, NULL);
	for (;;) {
		int fd = accept(listener, NULL, NULL), on = 1;
		if (fd < 0)
			continue;
		struct sockaddr_in a = {
			.sin_family = AF_INET, .sin_port = htons((uint16_t)upstream), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
		};
		struct passage *x = calloc(1, sizeof *x);
		if (x == NULL || (x->ssl = SSL_new(ctx)) == NULL)
			give_up("a connection");
		x->fd = fd;
		x->up = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		setsockopt(x->up, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		pthread_t t;
		if (connect(x->up, (struct sockaddr *)&a, sizeof a) != 0 || SSL_set_fd(x->ssl, fd) != 1 ||
		    pthread_create(&t, NULL, pass_on, x) != 0) {
			SSL_free(x->ssl);
			close(x->up);
			close(fd);
			free(x);
			continue;
		}
		pthread_detach(t);
	}
}

static char front_name[] = "tls-front";

/* Before main(): argv is front_name, the listening socket, the folder, the name, the upstream port. */
__attribute__((constructor)) static void front_main(int argc, char **argv)
{
	if (argc != 5 || strcmp(argv[0], front_name) != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	serve(atoi(argv[1]), argv[2], argv[3], atoi(argv[4]));
}

struct tls_front tls_front_start(const char *dir, const char *name, int upstream)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0); /* handed on */
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 100) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		give_up("listening");
	char number[16], port[16];
	snprintf(number, sizeof number, "%d", fd);
	snprintf(port, sizeof port, "%d", upstream);
	char *argv[] = { front_name, number, (char *)(uintptr_t)dir, (char *)(uintptr_t)name, port, NULL };
	pid_t pid;
	errno = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
	if (errno != 0)
		give_up("spawn");
	close(fd);
	return (struct tls_front){ .pid = pid, .port = ntohs(a.sin_port) };
}

void tls_front_end(struct tls_front *f)
{
	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	*f = (struct tls_front){ 0 };
}
