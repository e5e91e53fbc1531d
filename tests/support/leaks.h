#ifndef EDDY_TEST_LEAKS_H
#define EDDY_TEST_LEAKS_H

/** "table n; " of each table with rows that hold ${word}, in text, in a tsvector or in bytes; "": none has.  As the administrator; until the next one. */
const char *leaks(const char *word);

#endif
