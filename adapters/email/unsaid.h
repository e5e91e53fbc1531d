#ifndef EDDY_ADAPTERS_EMAIL_UNSAID_H
#define EDDY_ADAPTERS_EMAIL_UNSAID_H

/**
 * What a server says of a log-in goes into the log, to `eddy doctor` and to whoever asks how mail is: stars take the place of each word of ${text} that has a piece of ${secret}
 * (six bytes of it, eight letters of its base64 in any alignment, as AUTH PLAIN and XOAUTH2 send it).  In place, ${text} may be cut anywhere; ${secret} NULL or less than four bytes: nothing.
 */
void unsaid(char *text, const char *secret);

#endif
