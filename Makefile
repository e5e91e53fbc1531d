# Eddy.  `make run` and `make test` do everything; `make help` lists the rest.
#
# One rule per kind of thing; sources are found by wildcards, headers by -MMD.  FLAVOUR picks compiler, instrumentation and folder:
# gcc (build/), clang (build-clang/), asan (build-asan/: gcc with address and undefined-behaviour checks), tsan (build-tsan/),
# fuzz (build-fuzz/: libFuzzer), analyzer (build-analyzer/: gcc's static analyzer, only to look at what it says).

FLAVOUR ?= gcc
B ?= build$(FLAVOUR:%=-%)
ifeq ($(FLAVOUR),gcc)
B = build
endif
CC_gcc = gcc
CC_clang = clang
CC_asan = gcc
CC_tsan = clang
CC_fuzz = clang
CC_analyzer = gcc
ifneq ($(origin CC),command line)
CC = $(CC_$(FLAVOUR))
endif

WARN = -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wshadow -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-qual -Wpointer-arith -Wwrite-strings -Werror=format-security -Werror=implicit \
	-Werror=incompatible-pointer-types -Werror=int-conversion
WARN_gcc = -Wtrampolines -Wbidi-chars=any -Wduplicated-cond -Wlogical-op -Warith-conversion -Walloc-zero -Wstringop-overflow=4 \
	-Warray-bounds=2
WARN_clang = -Wthread-safety
HARD = -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fno-delete-null-pointer-checks \
	-fno-strict-overflow -fno-strict-aliasing -fexceptions -fPIE
FORTIFY = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
FLAGS_gcc = -O2 -g $(WARN_gcc) $(FORTIFY) -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr
FLAGS_clang = -O2 -g $(WARN_clang) $(FORTIFY) -ftrivial-auto-var-init=pattern
SAN_asan = -fsanitize=address,undefined,bounds-strict,float-cast-overflow -fno-sanitize-recover=all
SAN_tsan = -fsanitize=thread
SAN_fuzz = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FLAGS_asan = -O1 -g -fno-omit-frame-pointer $(SAN_asan)
FLAGS_tsan = -O1 -g -fno-omit-frame-pointer $(SAN_tsan)
FLAGS_fuzz = -O1 -g -fno-omit-frame-pointer $(SAN_fuzz)
# Variables stay uninitialized here, so that their use is seen.
FLAGS_analyzer = -O2 -fanalyzer
# Headers of others are not ours to warn about.
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(filter-out -pthread,$(shell pkg-config --cflags libpq libxml-2.0 2>/dev/null)))
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(WARN) $(HARD) $(FLAGS_$(FLAVOUR)) $(PKG_CFLAGS) $(EXTRA) $(CFLAGS)
ALL_LDFLAGS = $(SAN_$(FLAVOUR)) -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,--as-needed \
	-Wl,--no-copy-dt-needed-entries $(LDFLAGS)
CORE_LIBS = -lpq -ljansson -lsodium -lcrypto -lyaml -lmd4c -lutf8proc -lpthread -lm
LIBS = -lwebsockets -luv -lcurl -lssl -ledit -lidn2 -lxml2 $(CORE_LIBS)

wild = $(foreach d,$(1),$(wildcard $(d)/$(2) $(d)/*/$(2) $(d)/*/*/$(2)))
obj = $(patsubst %.c,$B/%.o,$(1))
bin = $(patsubst %.c,$B/%,$(1))
Q = $(if $(V),,@)
SAY = @$(if $(V),:,echo)
EMBED := $(sort $(wildcard migrations/*.sql) $(call wild,prompts,*.*))
PAGE := $(sort $(foreach e,html js css svg,$(call wild,adapters/web/page,*.$e)))
CORE_OBJ := $(call obj,$(call wild,core,*.c)) $B/gen/embedded.o
ADAPTER_OBJ := $(call obj,$(call wild,adapters,*.c)) $B/gen/assets.o
PART_OBJ := $(filter-out $B/adapters/cli/main.o,$(ADAPTER_OBJ))
SUPPORT_OBJ := $(call obj,$(wildcard tests/support/*.c))
ONLY_OBJ := $B/tests/support/only.o
KIT_OBJ := $(call obj,$(wildcard tests/fakes/*.c))
HARNESS_OBJ := $(call obj,$(filter-out %_test.c,$(wildcard tests/system/*.c)))
CONTRACT_OBJ := $(call obj,$(filter-out %_test.c,$(wildcard tests/contract/*.c)))
CORE_TESTS := $(call bin,$(call wild,tests/core,*_test.c))
ADAPTER_TESTS := $(call bin,$(call wild,tests/adapters,*_test.c))
CONTRACT_TESTS := $(call bin,$(wildcard tests/contract/*_test.c))
FAKE_TESTS := $(call bin,$(wildcard tests/fakes/test/*_test.c))
SYSTEM_TESTS := $(call bin,$(wildcard tests/system/*_test.c))
FUZZ := $(call bin,$(wildcard tests/fuzz/*_fuzz.c))
FAKES := $(call bin,$(wildcard tests/fakes/main/*.c))
BENCH := $(call bin,$(wildcard tests/bench/*.c))
UNIT_TESTS = $(CORE_TESTS) $(ADAPTER_TESTS) $(CONTRACT_TESTS) $(FUZZ)

all: $(if $(wildcard adapters/cli/main.c),$B/eddy,$B/core.a)
$B/eddy: $(ADAPTER_OBJ) $B/core.a
	$(SAY) "  LD  $@"
	$Q$(CC) $(ALL_LDFLAGS) -o $@ $(ADAPTER_OBJ) $B/core.a $(LIBS)
$B/core.a: $(CORE_OBJ)
	@rm -f $@
	$Qar rcs $@ $(CORE_OBJ)
$B/%.o: %.c
	@mkdir -p $(@D)
	$(SAY) "  CC  $<"
	$Q$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
# Migrations and prompts travel inside the binary: core/base/embed.h.
# A file that was renamed is newer than nothing: their list is a source too.
$B/gen/embedded.list: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(EMBED) | cmp -s - $@ || printf '%s\n' $(EMBED) >$@
FORCE:
.PHONY: FORCE
$B/gen/embedded.c: scripts/embed $B/gen/embedded.list $(EMBED)
	@mkdir -p $(@D)
	$Qscripts/embed $(EMBED) >$@
$B/gen/embedded.o: $B/gen/embedded.c $(EMBED)
	$Q$(CC) $(ALL_CFLAGS) -iquote core/base -c -o $@ $<

# So do the files of the page: adapters/web/assets.h.
$B/gen/assets.c: scripts/assets $(PAGE)
	@mkdir -p $(@D)
	$Qscripts/assets adapters/web/page $B/gen/page >$@ || { rm -f $@; exit 1; }
$B/gen/assets.o: $B/gen/assets.c
	$Q$(CC) $(ALL_CFLAGS) -iquote adapters/web -c -o $@ $<

# Tests: one program per file.  Those of adapters find all adapters but the command line in adapters.a; those of the core link no transport library, so the linker guards the seam.
LINK = @$(if $(V),,echo "  LD  $@";) $(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^)
$B/tests/support.a: $(SUPPORT_OBJ)
	@rm -f $@
	$Qar rcs $@ $^
$(CORE_TESTS): %: %.o $(ONLY_OBJ) $B/tests/support.a $B/core.a
	$(LINK) -lcmocka $(CORE_LIBS)
$B/adapters.a: $(PART_OBJ)
	@rm -f $@
	$Qar rcs $@ $^
$(ADAPTER_TESTS): %: %.o $(ONLY_OBJ) $B/tests/support.a $B/adapters.a $B/core.a
	$(LINK) -lcmocka $(LIBS)
$(CONTRACT_TESTS): %: %.o $(ONLY_OBJ) $(CONTRACT_OBJ) $B/tests/support.a $B/adapters.a $B/core.a
	$(LINK) -lcmocka $(LIBS)
# Seeds replayed; with FLAVOUR=fuzz a libFuzzer program instead.
ifeq ($(FLAVOUR),fuzz)
$(FUZZ): ALL_LDFLAGS += -fsanitize=fuzzer
$(FUZZ): %: %.o $B/adapters.a $B/core.a
else
$(FUZZ): %: %.o $B/tests/fuzz/replay.o $B/adapters.a $B/core.a
endif
	$(LINK) $(LIBS)
$B/tests/fakes.a: $(KIT_OBJ)
	@rm -f $@
	$Qar rcs $@ $^
$(FAKES): %: %.o $B/tests/fakes.a
	$(LINK) -ljansson -lcrypto -lm
$(BENCH): %: %.o $(HARNESS_OBJ) $B/tests/support.a $B/adapters.a $B/core.a
	$(LINK) -lcmocka $(LIBS)
$(FAKE_TESTS): %: %.o $(ONLY_OBJ) $B/tests/support.a $B/core.a
	$(LINK) -lcmocka $(CORE_LIBS)
$(SYSTEM_TESTS): %: %.o $(HARNESS_OBJ) $B/tests/support.a $B/core.a
	$(LINK) -lcmocka -lssl $(CORE_LIBS)

tests: all $(UNIT_TESTS) $(FAKE_TESTS) $(SYSTEM_TESTS) $(FAKES) $(BENCH)
unit-tests: all $(UNIT_TESTS) $(FAKES)
test:
	@scripts/setup build run test
	@+$(MAKE) --no-print-directory -s -j2 tests
	@scripts/test $B
test-long:
	@scripts/setup build run test
	@+$(MAKE) --no-print-directory -s -j2 tests
	@EDDY_TEST_LONG=1 scripts/test $B
check:
	@scripts/check
run:
	@scripts/setup build run
	@+$(MAKE) --no-print-directory -s -j$$(nproc) all
	@scripts/run
# What is generated from the tables and committed; a test compares.
docs: all
	$B/eddy help-man >docs/eddy.1
	$B/eddy config sample >config/eddy.yaml
	$B/eddy config reference >docs/settings.md
	$B/eddy api openapi >docs/openapi.json
	$B/eddy data-kinds >docs/data-kinds.md
PREFIX ?= /usr/local
install: all
	install -D -m 755 $B/eddy $(DESTDIR)$(PREFIX)/bin/eddy
	install -D -m 644 docs/eddy.1 $(DESTDIR)$(PREFIX)/share/man/man1/eddy.1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$B/eddy help-completion >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/eddy
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/local/bin/eddy|$(PREFIX)/bin/eddy|' config/eddy.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/eddy.service
	install -D -m 644 config/eddy.yaml $(DESTDIR)$(PREFIX)/share/doc/eddy/eddy.yaml
bench: all $(FAKES) $(BENCH)
	@scripts/bench $B
clean:
	rm -rf build build-clang build-asan build-tsan build-werror build-fuzz build-analyzer
help:
	@echo "make run        install what is missing, build, start and open a chat"
	@echo "make            build $B/eddy"
	@echo "make test       build and run all tests: the last line counts them (make test-long repeats the fault tests)"
	@echo "make check      warnings as errors with gcc and clang, static analysis, format, layout, hardening, sanitizers"
	@echo "make bench      load against the fakes, with figures"
	@echo "make install    into DESTDIR and PREFIX (/usr/local)"
	@echo "make clean      remove everything that was built"
	@echo "FLAVOUR=gcc|clang|asan|tsan|fuzz|analyzer builds into a folder of its own: make FLAVOUR=asan tests"

-include $(shell find $B -name '*.d' 2>/dev/null)
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all run docs install tests unit-tests test test-long check bench clean help
