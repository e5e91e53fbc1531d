#ifndef EDDY_CLI_NOTIFY_H
#define EDDY_CLI_NOTIFY_H

/** Tell systemd (the socket in NOTIFY_SOCKET) "READY=1", "STOPPING=1" …; without systemd nothing happens. */
void notify_systemd(const char *state);

#endif
