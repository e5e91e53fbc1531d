#include "err.h"

const char *err_name(enum err e)
{
	switch (e) {
	case ERR_NONE:
		return "ok";
	case ERR_RETRY:
		return "retry";
	case ERR_INPUT:
		return "input";
	case ERR_DENIED:
		return "denied";
	case ERR_BROKEN:
		return "broken";
	}
	return "broken";
}
