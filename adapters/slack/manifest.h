#ifndef EDDY_SLACK_MANIFEST_H
#define EDDY_SLACK_MANIFEST_H

/* The bot scopes the manifest asks for, NULL at the end; what doctor compares a token with. */
extern const char *const manifest_scopes[];

#endif
