/*
 * Runs one fuzz target over its seeds without libFuzzer: tests/fuzz/seeds/<name>/ (or the files and folders given as arguments),
 * each whole, each cut short in a few places and with single bytes changed, always the same way.  Prints TAP.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long inputs, seeds;

static void feed(const uint8_t *data, size_t n)
{
	/* A copy of the exact size, so that an address sanitizer sees every byte read too far. */
	uint8_t *copy = malloc(n > 0 ? n : 1);
	if (copy == NULL)
		abort();
	if (n > 0)
		memcpy(copy, data, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	inputs++;
}

static void feed_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return;
	size_t n = 0, size = 1 << 16;
	uint8_t *data = malloc(size);
	while (data != NULL) {
		n += fread(data + n, 1, size - n, f);
		if (n < size)
			break;
		data = realloc(data, size *= 2);
	}
	fclose(f);
	if (data == NULL)
		abort();
	seeds++;
	feed(data, n);
	for (size_t cut = 1; cut <= 16 && n > 16; cut++)
		feed(data, n * cut / 17);
	static const uint8_t swaps[] = { 0x00, 0xff, '"', '\\', '\n', '{', '<', 0xc3 };
	for (size_t i = 0; i < 64 && n > 0 && n <= 65536; i++) {
		size_t at = (i * 2654435761u) % n;
		uint8_t was = data[at];
		data[at] = swaps[i % sizeof swaps];
		feed(data, n);
		data[at] = was;
	}
	free(data);
}

static void feed_path(const char *path)
{
	DIR *d = opendir(path);
	if (d == NULL) {
		feed_file(path);
		return;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char sub[4096];
		if (e->d_name[0] == '.' || (size_t)snprintf(sub, sizeof sub, "%s/%s", path, e->d_name) >= sizeof sub)
			continue;
		struct stat st;
		if (stat(sub, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
			feed_path(sub);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	name = name != NULL ? name + 1 : argv[0];
	printf("1..1\n");
	feed((const uint8_t *)"", 0);
	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			feed_path(argv[i]);
	} else {
		char dir[512];
		const char *tail = strstr(name, "_fuzz");
		snprintf(dir, sizeof dir, "tests/fuzz/seeds/%.*s", tail != NULL ? (int)(tail - name) : (int)strlen(name), name);
		feed_path(dir);
	}
	if (seeds == 0) {
		printf("not ok 1 - %s has no seeds\n", name);
		return 1;
	}
	printf("ok 1 - %s: %lu seeds, %lu inputs\n", name, seeds, inputs);
	return 0;
}
