#ifndef EDDY_BASE_YAML_H
#define EDDY_BASE_YAML_H

#include <jansson.h>
#include <stddef.h>

#include "err.h"

#define YAML_MAX (256u << 10)

/**
 * Read one YAML document as JSON; JSON is YAML too.  What is not quoted and reads as true, false, null or an integer is that, all else is
 * text.  Anchors, aliases, tags, repeated names, a second document, nesting over JSON_DEPTH_MAX and more than YAML_MAX bytes are refused: each lets
 * a short file mean something long, or something else than it shows.  On success ${out} is the caller's.  ERR_INPUT: ${why} says line and reason.
 */
enum err yaml_read(const char *text, size_t n, json_t **out, char why[160]);

#endif
