# Postern. `make` builds, `sudo make check` tests, `sudo make demo` shows; `make help` lists all targets.
#
# Rooms are folders under src/. The pure ones go into libpostern.a, which links without any of the
# libraries below; the others into libhouse.a. SAN=1 builds everything with ASan and UBSan in a
# folder of its own.

VERSION := 0.1.0
PREFIX  ?= /usr/local
DESTDIR ?=
SYSCONFDIR ?= /etc
CC      ?= cc
ifeq ($(origin CC),default)
CC      := gcc
endif

# ---- what has to be installed (Debian 12 and 13); the one list --------------------------------

DEPS_BUILD := gcc make pkg-config libnetfilter-queue-dev libnetfilter-log-dev libmnl-dev libnftnl-dev \
	libpcap-dev libconfuse-dev libjansson-dev libev-dev libidn2-dev nettle-dev
DEPS_CHECK := libcunit1-dev iproute2 nftables postfix swaks python3 jq procps valgrind
DEPS_LINT  := clang-tidy clang-format cppcheck shellcheck
# pkg-config names (or header files) by which a missing one is noticed
NEED_PKGS  := libnetfilter_queue libnetfilter_log libmnl libnftnl libpcap libconfuse jansson libidn2 nettle
NEED_CHECK := ip nft postfix swaks python3 jq valgrind
NEED_LINT  := clang-tidy clang-format cppcheck shellcheck

# ---- build ------------------------------------------------------------------------------------

ifdef SAN
B       ?= build/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else
B       ?= build/release
SANFLAGS :=
endif

PURE_ROOMS := base wire smtp policy watch
SYS_ROOMS  := tap conf gate report
PROGRAMS   := posternd postern

CFLAGS   ?= -O2 -g
WARN     := -std=c11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wno-missing-field-initializers
CPPFLAGS += -D_GNU_SOURCE -DPOSTERN_VERSION='"$(VERSION)"' -DPOSTERN_SYSCONFDIR='"$(SYSCONFDIR)"' -Iinclude -Isrc
PKG_CFLAGS = $(shell pkg-config --cflags $(NEED_PKGS) 2>/dev/null)
LIBS     = -Wl,--as-needed $(shell pkg-config --libs $(NEED_PKGS) 2>/dev/null) -lev -lm -lpthread

pure_src := $(foreach r,$(PURE_ROOMS),$(wildcard src/$(r)/*.c)) $(wildcard src/inspect.c)
sys_src  := $(foreach r,$(SYS_ROOMS),$(wildcard src/$(r)/*.c))
unit_src := $(wildcard tests/unit/test_*.c)
obj       = $(patsubst %.c,$(B)/%.o,$(1))

LIBPURE  := $(B)/libpostern.a
LIBHOUSE := $(B)/libhouse.a
BINS     := $(foreach p,$(PROGRAMS),$(if $(wildcard src/$(p)/*.c),$(B)/$(p)))
UNITS    := $(patsubst tests/unit/%.c,$(B)/unit/%,$(unit_src))

.PHONY: all help deps deps-build need need-check need-lint check unit lab demo lint install uninstall clean
.DELETE_ON_ERROR:

all: need $(BINS)

$(LIBPURE): $(call obj,$(pure_src))
	@rm -f $@
	ar rcs $@ $^

$(LIBHOUSE): $(call obj,$(sys_src))
	@rm -f $@
	ar rcs $@ $^

define program
$(B)/$(1): $(call obj,$(wildcard src/$(1)/*.c)) $(LIBHOUSE) $(LIBPURE)
	$$(CC) $$(CFLAGS) $$(SANFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(B)/unit/%: $(B)/tests/unit/%.o $(LIBHOUSE) $(LIBPURE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $< $(LIBHOUSE) $(LIBPURE) -lcunit $(LIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) $(SANFLAGS) $(WARN) -MMD -MP -c -o $@ $<

-include $(shell find $(B) -name '*.d' 2>/dev/null)

unit: $(UNITS)
	@tests/unit/run.sh $(UNITS)

clean:
	rm -rf build
