/*
 * The named entities that turn up in answers: markup, typography, arrows, signs, Latin letters.  A name that is not here stays as
 * it was typed, which loses nothing.  Sorted for the binary search; a test checks that.
 */
#include <stdlib.h>
#include <string.h>

#include "doc_internal.h"

static const struct entity {
	const char *name;
	uint32_t cp;
} entities[] = {
	/* clang-format off */
	{ "AMP", 0x26 }, { "Aacute", 0xc1 }, { "Acirc", 0xc2 }, { "Agrave", 0xc0 }, { "Aring", 0xc5 },
	{ "Atilde", 0xc3 }, { "Auml", 0xc4 }, { "COPY", 0xa9 }, { "Ccedil", 0xc7 }, { "Delta", 0x394 },
	{ "Eacute", 0xc9 }, { "Egrave", 0xc8 }, { "GT", 0x3e }, { "Gamma", 0x393 }, { "LT", 0x3c },
	{ "Ntilde", 0xd1 }, { "Omega", 0x3a9 }, { "Oslash", 0xd8 }, { "Ouml", 0xd6 }, { "QUOT", 0x22 },
	{ "REG", 0xae }, { "Sigma", 0x3a3 }, { "Uuml", 0xdc }, { "aacute", 0xe1 }, { "acirc", 0xe2 },
	{ "aelig", 0xe6 }, { "agrave", 0xe0 }, { "alpha", 0x3b1 }, { "amp", 0x26 }, { "apos", 0x27 },
	{ "aring", 0xe5 }, { "ast", 0x2a }, { "atilde", 0xe3 }, { "auml", 0xe4 }, { "beta", 0x3b2 },
	{ "bull", 0x2022 }, { "ccedil", 0xe7 }, { "cent", 0xa2 }, { "check", 0x2713 }, { "clubs", 0x2663 },
	{ "colon", 0x3a }, { "comma", 0x2c }, { "copy", 0xa9 }, { "cross", 0x2717 }, { "dagger", 0x2020 },
	{ "darr", 0x2193 }, { "deg", 0xb0 }, { "delta", 0x3b4 }, { "divide", 0xf7 }, { "dollar", 0x24 },
	{ "eacute", 0xe9 }, { "ecirc", 0xea }, { "egrave", 0xe8 }, { "emsp", 0x2003 }, { "ensp", 0x2002 },
	{ "epsilon", 0x3b5 }, { "equals", 0x3d }, { "equiv", 0x2261 }, { "euml", 0xeb }, { "euro", 0x20ac },
	{ "excl", 0x21 }, { "frac12", 0xbd }, { "frac14", 0xbc }, { "frac34", 0xbe }, { "gamma", 0x3b3 },
	{ "ge", 0x2265 }, { "grave", 0x60 }, { "gt", 0x3e }, { "harr", 0x2194 }, { "hearts", 0x2665 },
	{ "hellip", 0x2026 }, { "iacute", 0xed }, { "icirc", 0xee }, { "iexcl", 0xa1 }, { "igrave", 0xec },
	{ "infin", 0x221e }, { "iquest", 0xbf }, { "iuml", 0xef }, { "lambda", 0x3bb }, { "laquo", 0xab },
	{ "larr", 0x2190 }, { "lbrace", 0x7b }, { "lbrack", 0x5b }, { "lceil", 0x2308 }, { "ldquo", 0x201c },
	{ "le", 0x2264 }, { "lfloor", 0x230a }, { "lowbar", 0x5f }, { "lpar", 0x28 }, { "lsquo", 0x2018 },
	{ "lt", 0x3c }, { "mdash", 0x2014 }, { "micro", 0xb5 }, { "middot", 0xb7 }, { "minus", 0x2212 },
	{ "mu", 0x3bc }, { "nbsp", 0xa0 }, { "ndash", 0x2013 }, { "ne", 0x2260 }, { "ntilde", 0xf1 }, { "num", 0x23 },
	{ "oacute", 0xf3 }, { "ocirc", 0xf4 }, { "oelig", 0x153 }, { "ograve", 0xf2 }, { "omega", 0x3c9 },
	{ "oslash", 0xf8 }, { "otilde", 0xf5 }, { "ouml", 0xf6 }, { "para", 0xb6 }, { "percnt", 0x25 },
	{ "period", 0x2e }, { "phi", 0x3c6 }, { "pi", 0x3c0 }, { "plus", 0x2b }, { "plusmn", 0xb1 },
	{ "pound", 0xa3 }, { "prime", 0x2032 }, { "quest", 0x3f }, { "quot", 0x22 }, { "raquo", 0xbb },
	{ "rarr", 0x2192 }, { "rbrace", 0x7d }, { "rbrack", 0x5d }, { "rceil", 0x2309 }, { "rdquo", 0x201d },
	{ "reg", 0xae }, { "rfloor", 0x230b }, { "rpar", 0x29 }, { "rsquo", 0x2019 }, { "sbquo", 0x201a },
	{ "sect", 0xa7 }, { "semi", 0x3b }, { "shy", 0xad }, { "sigma", 0x3c3 }, { "sol", 0x2f }, { "star", 0x2606 },
	{ "sum", 0x2211 }, { "szlig", 0xdf }, { "theta", 0x3b8 }, { "thinsp", 0x2009 }, { "times", 0xd7 },
	{ "trade", 0x2122 }, { "uacute", 0xfa }, { "uarr", 0x2191 }, { "ucirc", 0xfb }, { "ugrave", 0xf9 },
	{ "uuml", 0xfc }, { "verbar", 0x7c }, { "vert", 0x7c }, { "yacute", 0xfd }, { "yen", 0xa5 }, { "yuml", 0xff },
	{ "zwj", 0x200d }, { "zwnj", 0x200c },
	/* clang-format on */
};

static uint32_t numeric(const char *s, size_t n)
{
	uint32_t base = 10, v = 0;
	if (n && (*s == 'x' || *s == 'X')) {
		base = 16;
		s++;
		n--;
	}
	if (n == 0 || n > 7)
		return 0;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 0x20) - 'a') + 10;
		if (digit >= base)
			return 0;
		v = v * base + digit;
	}
	return v == 0 || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff) ? 0xfffd : v;
}

uint32_t doc_entity(const char *s, size_t n)
{
	if (n < 3 || s[0] != '&' || s[n - 1] != ';')
		return 0;
	s++;
	n -= 2;
	if (*s == '#')
		return numeric(s + 1, n - 1);
	size_t low = 0, high = sizeof entities / sizeof *entities;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strncmp(entities[mid].name, s, n);
		if (c == 0 && entities[mid].name[n])
			c = 1;
		if (c == 0)
			return entities[mid].cp;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}
