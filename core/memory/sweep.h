#ifndef EDDY_MEMORY_SWEEP_H
#define EDDY_MEMORY_SWEEP_H

#include "../store/pg.h"

/* The erasure of what was kept long enough (retention.h): its statements, for whoever calls forget_work(), with retention_statements and config_statements. */
extern const struct pg_statement sweep_statements[];

#endif
