#ifndef EDDY_TESTS_TLS_H
#define EDDY_TESTS_TLS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Throw-away certificates, and TLS in front of a plain server on loopback.  Certificates are files of a folder: NAME.pem and NAME.key.
 * Whatever fails stops the process.
 */
struct tls_cert {
	const char *dir, *name;
	const char *issuer; /* the name of an authority made before; NULL: signs itself */
	const char *san;    /* "DNS:localhost,IP:127.0.0.1"; NULL: an authority */
	bool expired;       /* since an hour */
};
void tls_make(const struct tls_cert *c);

/** A process that listens on 127.0.0.1, speaks TLS as ${dir}/${name} and passes the bytes on to ${upstream}; ends with this process. */
struct tls_front {
	pid_t pid;
	int port;
};
struct tls_front tls_front_start(const char *dir, const char *name, int upstream);
void tls_front_end(struct tls_front *f);

#endif
