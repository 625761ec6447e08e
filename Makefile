# Postern. `make help` lists the targets.
#
# Rooms are folders under src/. The pure ones go into libpostern.a, which links without any of the
# libraries below; the others into libhouse.a. SAN=1 builds with ASan and UBSan in a folder of its own.

SHELL      := /bin/bash
VERSION    := 0.1.0
PREFIX     ?= /usr/local
DESTDIR    ?=
SYSCONFDIR ?= /etc
CORPUS     ?= ../shared/corpus
ifeq ($(origin CC),default)
CC         := gcc
endif

ifdef FUZZ
B          ?= build/fuzz
CC         := clang
SANFLAGS   := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifdef SAN
B          ?= build/san
SANFLAGS   := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else
B          ?= build/release
SANFLAGS   :=
endif

PURE_ROOMS := base wire smtp policy watch
SYS_ROOMS  := tap conf dns gate report
PROGRAMS   := posternd postern
PKGS       := libnetfilter_queue libnetfilter_log libmnl libnftnl libpcap libconfuse jansson libidn2 nettle zlib sqlite3 ncursesw

CFLAGS     ?= -O2 -g
WARN       := -std=c11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wno-missing-field-initializers \
	$(if $(FUZZ),-Wno-cast-qual -Wno-format-nonliteral) # clang sees them in macros of libmnl, and behind va_list
CPPFLAGS   += -D_GNU_SOURCE -DPOSTERN_VERSION='"$(VERSION)"' -DPOSTERN_SYSCONFDIR='"$(SYSCONFDIR)"' \
	-DCONF_EXAMPLES_DIR='"$(PREFIX)/share/doc/postern/examples"' -Iinclude -Isrc
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
# libunbound calls libevent, and libev has functions of the same names: libevent must be found first.
LIBEVENT   := -Wl,--no-as-needed -l:libevent-2.1.so.7 -Wl,--as-needed
LIBS       := -Wl,--as-needed $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lunbound $(LIBEVENT) -lresolv -lev -lm -lpthread

pure_src   := $(foreach r,$(PURE_ROOMS),$(wildcard src/$(r)/*.c)) $(wildcard src/*.c)
sys_src    := $(foreach r,$(SYS_ROOMS),$(wildcard src/$(r)/*.c))
obj         = $(patsubst %.c,$(B)/%.o,$(1))

LIBPURE    := $(B)/libpostern.a
LIBHOUSE   := $(B)/libhouse.a
LIBDAEMON  := $(B)/libdaemon.a
BINS       := $(foreach p,$(PROGRAMS),$(if $(wildcard src/$(p)/*.c),$(B)/$(p)))
FUZZERS    := $(patsubst tests/fuzz/%.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
UNITS      := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))

# Whoever may not write there is told what to do; make itself would only name a file.
ifneq ($(MAKECMDGOALS),help)
ifneq ($(shell mkdir -p $(B) 2>/dev/null && test -w $(B) && echo yes),yes)
$(error $(shell id -un) may not write in $(CURDIR)/$(B): $(if $(filter demo lab check soak bench,$(MAKECMDGOALS)),sudo make \
	$(MAKECMDGOALS) (it needs root anyway),make it as $(shell stat -c %U .) who owns the tree or in a copy of your own))
endif
# Objects are made again when the flags change (PREFIX is among them).
$(file >$(B)/flags.now,$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) $(SANFLAGS))
$(shell cmp -s $(B)/flags.now $(B)/flags || cp $(B)/flags.now $(B)/flags)
endif

.PHONY: all help deps peers check check-all unit fuzz fuzz-check fuzzers rooms corpus lab check-vm bench bench-read bench-watch eval soak demo demo-run lint install uninstall clean golden
.DELETE_ON_ERROR:
.SECONDARY:

# ---- build ------------------------------------------------------------------------------------

#: make              builds posternd and postern into build/release (SAN=1: with ASan and UBSan, build/san)
all: need-build $(BINS)

$(LIBPURE): $(call obj,$(pure_src))
	@rm -f $@
	@echo "  AR    $@"
	@ar rcs $@ $^

$(LIBHOUSE): $(call obj,$(sys_src))
	@rm -f $@
	@echo "  AR    $@"
	@ar rcs $@ $^

# posternd without its main(), for unit tests
$(LIBDAEMON): $(call obj,$(filter-out %/main.c,$(wildcard src/posternd/*.c)))
	@rm -f $@
	@echo "  AR    $@"
	@ar rcs $@ $^

define program
$(B)/$(1): $(call obj,$(wildcard src/$(1)/*.c)) $(LIBDAEMON) $(LIBHOUSE) $(LIBPURE)
	@echo "  LD    $$@"
	@$$(CC) $$(CFLAGS) $$(SANFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(B)/unit/%: $(B)/tests/unit/%.o $(LIBDAEMON) $(LIBHOUSE) $(LIBPURE)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $< $(LIBDAEMON) $(LIBHOUSE) $(LIBPURE) -lcunit $(LIBS)

# Unit tests are compiled in a quarter of the time without optimizing; what they test is in the libraries.
$(B)/tests/unit/%.o: CFLAGS += -O0

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) $(SANFLAGS) $(WARN) -MMD -MP -c -o $@ $<

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# ---- what has to be installed (the list: packaging/deps.sh) -------------------------------------

#: make deps         installs the Debian packages that building and testing need (root)
deps:
	packaging/deps.sh install build check fuzz lint vm

#: make peers        unpacks the mail and DNS servers of the tests into build/peers (nothing of them is installed)
peers:
	@tests/peers.sh get postfix exim opensmtpd nsd unbound ldns

# Says exactly what is missing and how to get it.
need-%:
	@CC='$(CC)' packaging/deps.sh missing $(subst -, ,$*) || { echo 'to install it: sudo make deps' >&2; exit 1; }

# For the two commands of the README: gets what is missing, then goes on in a make that sees it. Without an emulator
# the check goes on, and says so.
define with_deps
	@CC='$(CC)' packaging/deps.sh missing build check fuzz lint >/dev/null || packaging/deps.sh install build check fuzz lint
	@packaging/deps.sh missing vm >/dev/null || packaging/deps.sh install vm || true
	@+$(MAKE) --no-print-directory $(1)
endef

# ---- tests --------------------------------------------------------------------------------------

#: make check        the whole test: lint, unit, sanitizers, rooms, valgrind, lab in network namespaces (root)
check:
	$(call with_deps,check-all)

check-all:
	@tests/run.sh

#: make unit         the unit tests alone
unit: need-build-check $(UNITS)
	@tests/unit/run.sh $(UNITS)

#: make golden       writes tests/golden and the examples of docs/FORMATS.md anew; read the difference before you keep it
golden: $(B)/unit/test_formats
	@GOLDEN=renew $< >/dev/null; python3 tests/golden/page.py && $< >/dev/null && git diff --stat -- tests/golden docs/FORMATS.md

#: make fuzz         every fuzz driver for SECONDS=60 (docs/HACKING.md); TARGET=dialogue for one
SECONDS ?= 60
fuzz: need-build-fuzz
	@+$(MAKE) --no-print-directory FUZZ=1 fuzzers
	@tests/fuzz/run.sh long build/fuzz $(SECONDS) $(TARGET)

#: make fuzz-check   the same with fixed seeds and a fixed number of runs, as make check does it
fuzz-check: need-build-fuzz
	@+$(MAKE) --no-print-directory FUZZ=1 fuzzers
	@tests/fuzz/run.sh check build/fuzz

fuzzers: $(FUZZERS)

$(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(LIBDAEMON) $(LIBHOUSE) $(LIBPURE)
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(SANFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< $(LIBDAEMON) $(LIBHOUSE) $(LIBPURE) $(LIBS)

#: make rooms        what each room includes and what libpostern.a links
rooms: $(LIBPURE)
	@tests/rooms.sh $(LIBPURE)

#: make corpus       captures and vectors of others, if CORPUS is there: does postern read say what they say?
corpus: need-build-check all
	@python3 tests/corpus/compare.py $(B)/postern $(CORPUS)

#: make lab          the tests in network namespaces alone (root); TEST=story for one
lab: need-build-check all peers
	@BUILD=$(B) tests/netns/run.sh $(TEST)

#: make check-vm     the lab's core on a stock Debian kernel, in an emulated machine (qemu; docs/HACKING.md)
check-vm: need-build all
	@BUILD=$(B) tests/vm/run.sh $(TEST)

#: make bench        what Postern costs, as a share of plain forwarding: build/bench (root; docs/BENCH.md)
bench: need-build-check all peers $(B)/bench/accept_all
	@tests/bench/bench.sh $(abspath $(B))

#: make soak         SOAK_S=600 seconds of mixed load: does memory, descriptors or flows grow? (root)
soak: need-build-check all peers
	@tests/bench/soak.sh $(abspath $(B))

#: make bench-read   speed and memory of postern read beside tshark, which has to be there (docs/BENCH.md)
bench-read: need-build all
	@python3 tests/bench/read.py $(B)/postern $(B)/bench

#: make bench-watch  what an event costs the watch, and its memory, from a thousand to a million sources (docs/BENCH.md)
bench-watch: need-build $(B)/bench/watch_cost
	@$(B)/bench/watch_cost $(ROUNDS)

$(B)/bench/watch_cost: $(B)/tests/bench/watch_cost.o $(LIBPURE)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^

#: make eval         how soon made-up attacks are found, and how often honest sources are accused (docs/EVAL.md); SEEDS="51 52 53"
SEEDS ?= 51 52 53
eval: need-build all
	@python3 tests/eval/eval.py $(B)/postern --seeds "$(SEEDS)" --doc docs/EVAL.md

$(B)/bench/accept_all: $(B)/tests/bench/accept_all.o
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# what is made of addresses, for the lab and for vectors of others
$(B)/corpus/%: $(B)/tests/corpus/%.o $(LIBPURE)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^

#: make demo         a small internet in network namespaces, and what Postern does there (root)
demo:
	@[ "$$(id -u)" -eq 0 ] || { echo "make demo needs root, for network namespaces: sudo make demo" >&2; exit 1; }
	$(call with_deps,demo-run)

demo-run: all peers
	@tests/netns/demo.sh $(B)

# ---- lint ---------------------------------------------------------------------------------------

lint_c  := $(wildcard include/postern/*.h src/*.[ch] src/*/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] tests/netns/*.c tests/bench/*.c)
lint_sh := $(wildcard packaging/*.sh tests/*.sh tests/*/*.sh) .ci/run

#: make lint         clang-format, shellcheck, cppcheck, clang-tidy
lint: need-build-lint
	@clang-format --dry-run --Werror $(lint_c)
	@shellcheck -x -S warning $(lint_sh)
	@cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
		--include=packaging/cppcheck.h --suppressions-list=packaging/cppcheck.txt -j 2 $(CPPFLAGS) src
	@+$(MAKE) -s --no-print-directory $(if $(findstring j,$(firstword -$(MAKEFLAGS))),,-j2) $(patsubst %.c,$(B)/%.$(tidy),$(wildcard src/*.c src/*/*.c))

# One file at a time, again only when it or a header of it has changed. The analyzer follows a third of the paths that it
# follows by default, in a third of the time; FULL=1 gives it all, also to what has passed without.
tidy       = $(if $(FULL),tidy-full,tidy)
tidy_nodes = $(if $(FULL),225000,75000)
$(B)/%.$(tidy): %.c $(B)/%.o .clang-tidy
	@clang-tidy --quiet $< -- $(CPPFLAGS) $(PKG_CFLAGS) -std=c11 -Xclang -analyzer-config -Xclang max-nodes=$(tidy_nodes) 2>&1 | grep -vE 'warnings? (generated|treated)|^Suppressed|^Use -header' || true; \
		[ $${PIPESTATUS[0]} -eq 0 ]
	@touch $@

# ---- install ------------------------------------------------------------------------------------

SBINDIR  = $(PREFIX)/sbin
DOCDIR   = $(PREFIX)/share/doc/postern
INSTALLS = $(SBINDIR)/posternd $(PREFIX)/bin/postern $(PREFIX)/share/man/man8/posternd.8 \
	$(PREFIX)/share/man/man8/postern.8 $(PREFIX)/share/man/man5/postern.conf.5 \
	$(PREFIX)/lib/systemd/system/postern.service $(SYSCONFDIR)/logrotate.d/postern

#: make install      into PREFIX (/usr/local) below DESTDIR; leaves /etc/postern as it is
install: all
	install -d $(sort $(dir $(addprefix $(DESTDIR),$(INSTALLS)))) $(DESTDIR)$(DOCDIR)/examples $(DESTDIR)$(SYSCONFDIR)/postern
	install -d -m 750 $(DESTDIR)/var/log/postern
	install -m 755 $(B)/posternd $(DESTDIR)$(SBINDIR)/
	install -m 755 $(B)/postern $(DESTDIR)$(PREFIX)/bin/
	for page in posternd.8 postern.8 postern.conf.5; do \
		sed 's|/etc/postern|$(SYSCONFDIR)/postern|g' packaging/$$page >$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$page; done
	install -m 644 packaging/postern.logrotate $(DESTDIR)$(SYSCONFDIR)/logrotate.d/postern
	sed 's|@SBINDIR@|$(SBINDIR)|; s|@BINDIR@|$(PREFIX)/bin|' packaging/postern.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/postern.service
	install -m 644 rules/* $(DESTDIR)$(DOCDIR)/examples/
	install -m 644 README.md docs/*.md $(DESTDIR)$(DOCDIR)/

#: make uninstall    removes what install has put there; leaves configuration and records
uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLS))
	rm -rf $(DESTDIR)$(DOCDIR)

#: make clean        removes build/
clean:
	rm -rf build

help:
	@sed -n 's/^#: //p' Makefile
