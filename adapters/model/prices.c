#include "prices.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/mem.h"

void prices_init(struct prices *p, const char *const *items, size_t n)
{
	*p = (struct prices){ .rows = xcalloc(n ? n : 1, sizeof *p->rows) };
	for (size_t i = 0; i < n; i++) {
		const char *equals = strrchr(items[i], '=');
		char *end;
		if (!equals || equals == items[i])
			continue;
		double in = strtod(equals + 1, &end);
		if (*end != ',')
			continue;
		double out = strtod(end + 1, &end);
		if (*end != '\0' || !(in >= 0 && in < 1e6) || !(out >= 0 && out < 1e6))
			continue;
		size_t len = (size_t)(equals - items[i]);
		p->rows[p->len++] = (struct price){ .name = xstrndup(items[i], len),
			.len = len,
			.in = (int64_t)llround(in * 1e6),
			.out = (int64_t)llround(out * 1e6) };
	}
}

void prices_done(struct prices *p)
{
	for (size_t i = 0; i < p->len; i++)
		free(p->rows[i].name);
	free(p->rows);
}

const struct price *prices_find(const struct prices *p, const char *model)
{
	const struct price *best = NULL;
	for (size_t i = 0; i < p->len; i++)
		if (strncmp(model, p->rows[i].name, p->rows[i].len) == 0 && (!best || p->rows[i].len > best->len))
			best = &p->rows[i];
	return best;
}

int64_t prices_cost(const struct price *row, uint32_t input, uint32_t cached, uint32_t written, uint32_t output, int cached_percent)
{
	if (!row)
		return 0;
	uint32_t plain = input > cached + written ? input - cached - written : 0;
	int64_t hundredths = row->in * ((int64_t)plain * 100 + (int64_t)cached * cached_percent + (int64_t)written * 125);
	int64_t total = hundredths / 100 + row->out * (int64_t)output;
	return (total + 999999) / 1000000;
}
