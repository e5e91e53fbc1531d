#ifndef EDDY_SUPPORT_WS_LOAD_H
#define EDDY_SUPPORT_WS_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/buf.h"

/* Many websocket clients in one thread, as cheap as they can be, for measuring.  What does not work ends the program. */
struct ws_peer {
	int fd, stage;
	bool up; /* the handshake is behind it */
	struct buf in;
	size_t at; /* what was read of ${in} */
	uint64_t mark;
	unsigned number;
};
/** The clock of all figures. */
uint64_t load_now_ns(void);
/** As many descriptors as this process may have. */
void load_raise_files(void);
/** Connects (blocking), asks for the websocket, adds it to ${epoll} with the peer as its data; ${headers}: further lines with their ends. */
void ws_peer_open(struct ws_peer *p, int epoll, int port, const char *path, const char *headers);
void ws_peer_close(struct ws_peer *p);
/** Reads what has come.  False: nothing but a part of the handshake yet. */
bool ws_peer_fill(struct ws_peer *p);
/** The next whole text message, in place; false: no more.  Pings are answered. */
bool ws_peer_next(struct ws_peer *p, const char **text, size_t *n);
/** After the last one. */
void ws_peer_read(struct ws_peer *p);
void ws_peer_say(struct ws_peer *p, const char *text);
/** A frame's header; a mask of zeros leaves the payload as it is.  ${out} has 14 bytes of room. */
size_t ws_frame_head(unsigned char *out, unsigned first, size_t n, bool mask);
/** Resident memory and processor time of a process. */
double load_memory_kb(int pid);
double load_cpu_us(int pid);
_Noreturn void load_die(const char *what);
/** Sorts; ${part} 0.5: the median. */
double load_quantile_ms(uint64_t *ns, size_t n, double part);

#endif
