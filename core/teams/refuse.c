/* A refusal is a code for programs and a sentence for people; whoever called ends the transaction. */
#include "refuse.h"

#include <stdarg.h>
#include <stdio.h>

enum err team_refuse(struct problem *why, enum api_code code, const char *field, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vsnprintf(why->detail, sizeof why->detail, format, ap);
	va_end(ap);
	snprintf(why->field, sizeof why->field, "%s", field);
	why->code = code;
	return ERR_INPUT;
}
