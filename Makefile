# Eddy.  `make run` and `make test` do everything; `make help` lists the rest.
CC ?= gcc
B ?= build
WARN = -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wshadow -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-qual -Wpointer-arith -Wwrite-strings -Werror=format-security -Werror=implicit \
	-Werror=incompatible-pointer-types -Werror=int-conversion
HARD = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
	-fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing -fexceptions -fPIE
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(CFLAGS) $(WARN) $(HARD) $(shell pkg-config --cflags libpq) $(EXTRA)
LDFLAGS += -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,--as-needed
CORE_LIBS = -lpq -ljansson -lcrypto -lyaml -lmd4c -lutf8proc -lpthread -lm
LIBS = -lwebsockets -luv -lcurl -lssl -ledit $(CORE_LIBS)

CORE_SRC := $(wildcard core/*.c core/*/*.c)
ADAPTER_SRC := $(wildcard adapters/*.c adapters/*/*.c)
CORE_OBJ := $(CORE_SRC:%.c=$B/%.o)
ADAPTER_OBJ := $(ADAPTER_SRC:%.c=$B/%.o)

all: $B/eddy
$B/eddy: $(ADAPTER_OBJ) $B/core.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(ADAPTER_OBJ) $B/core.a $(LIBS)
$B/core.a: $(CORE_OBJ)
	@rm -f $@
	ar rcs $@ $(CORE_OBJ)
$B/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
-include $(CORE_OBJ:.o=.d) $(ADAPTER_OBJ:.o=.d)
clean:
	rm -rf $B
.PHONY: all clean
