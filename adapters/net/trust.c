/*
 * curl and libwebsockets each load net.ca_file by themselves, late and with errors of their own; one look at the start says in a line
 * what is wrong with it.  Both end in OpenSSL's verification, whose reasons are the same text: what the user can do about one is added
 * here once for both.
 */
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err trust_check(const char *ca_file, char *why, size_t why_n)
{
	if (!ca_file)
		return ERR_NONE;
	/* Without blocking: the name may be that of a pipe. */
	int fd = open(ca_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	if (fd < 0) {
		snprintf(why, why_n, "net.ca_file: cannot read %s: %s", ca_file, strerror(errno));
		return ERR_INPUT;
	}
	bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	close(fd);
	X509_STORE *store = regular ? X509_STORE_new() : NULL;
	bool ok = store && X509_STORE_load_file(store, ca_file) == 1;
	X509_STORE_free(store);
	ERR_clear_error();
	if (ok)
		return ERR_NONE;
	snprintf(why, why_n, "net.ca_file: %s %s", ca_file, regular ? "holds no certificates in PEM form" : "is not a file");
	return ERR_INPUT;
}

void trust_explain(const char *said, const char *host, char *out, size_t n)
{
	static const char curl[] = "SSL certificate problem: ";
	static const char *const unknown[] = { "issuer certificate", "self-signed", "self signed", "unable to verify" };
	const char *reason = strncmp(said, curl, strlen(curl)) == 0 ? said + strlen(curl) : said;
	bool stranger = false;
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		stranger = stranger || strstr(reason, unknown[i]);
	snprintf(out, n, "the certificate%s%s is refused: %.*s%s", host ? " of " : "", host ? host : "",
	    (int)strcspn(reason, "\r\n"), reason, stranger ? " (net.ca_file names certificates to trust)" : "");
}
