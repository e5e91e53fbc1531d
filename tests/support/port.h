#ifndef EDDY_TEST_PORT_H
#define EDDY_TEST_PORT_H

/**
 * A port of the loopback that nobody listens on, for a server that is to be started now.  It lies below those that the kernel gives to
 * outgoing connections, of which busy test programs make thousands: one of them would take it before the server does.
 */
int port_free(void);

#endif
