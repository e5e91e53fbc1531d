#include "port.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOWEST = 10000, TRIES = 200 };

static unsigned kernels_first(void)
{
	unsigned first = 32768;
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	if (f != NULL) {
		if (fscanf(f, "%u", &first) != 1)
			first = 32768;
		fclose(f);
	}
	return first;
}

int port_free(void)
{
	unsigned first = kernels_first();
	for (int i = 0; i < TRIES; i++) {
		unsigned dice;
		if (getrandom(&dice, sizeof dice, 0) != (ssize_t)sizeof dice)
			abort();
		unsigned port = first > LOWEST + 1000 ? LOWEST + dice % (first - LOWEST) : 0; /* 0: the kernel's choice after all */
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct sockaddr_in a = {
			.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
		};
		socklen_t n = sizeof a;
		bool got =
		    fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0;
		close(fd);
		if (got)
			return ntohs(a.sin_port);
	}
	perror("no free port");
	abort();
}
