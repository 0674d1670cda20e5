# SPDX-License-Identifier: BSD-2-Clause
# ringfence. `make help` lists what one can type.

PREFIX	?= /usr
DESTDIR	?=
CC	?= gcc
CLANG	?= clang
BPFTOOL	?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
CFLAGS	?= -O2 -g
B	:= build

# Debian packages: to build, to test and to play the demo. A fresh machine has none of them.
BUILD_PACKAGES := gcc libc6-dev clang bpftool libbpf-dev libelf-dev zlib1g-dev libyaml-dev \
		  libjansson-dev libcap-dev libsystemd-dev scdoc
TEST_PACKAGES  := libcmocka-dev qemu-system-x86 busybox-static cpio shellcheck curl git zsh \
		  ca-certificates debian-archive-keyring iproute2 libclang-rt-dev liburing-dev mmdebstrap \
		  kmod xz-utils mandoc python3 chromium
DEB_PACKAGES   := build-essential debhelper lintian

ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wvla -Wmissing-prototypes -Wshadow \
	      $(CPPFLAGS) $(CFLAGS)
SAN_FLAGS  := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LIBS	   := -lbpf -lelf -lz -lyaml -ljansson -lcap -lsystemd
ifneq ($(PREFIX),/usr)
ALL_CFLAGS += -DRINGFENCE_PREFIX='"$(PREFIX)"'
endif
ifdef SAN
ALL_CFLAGS += $(SAN_FLAGS)
endif
ifdef WERROR
ALL_CFLAGS += -Werror
endif

ARCH	  := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
BPF_FLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Wall -Wextra -Werror \
	     -Wno-unused-parameter -I/usr/include/$(shell uname -m)-linux-gnu \
	     -ffile-prefix-map=$(CURDIR)=.

SKELETON    := $(B)/lsm/ringfence.skel.h
BUILD_ID    := $(B)/lsm/build_id.h
PAGE_HASHES := $(B)/userspace/review/page_hashes.h
SOURCES	    := $(wildcard policy/*.c userspace/*.c userspace/*/*.c)
OBJECTS	    := $(SOURCES:%.c=$(B)/%.o)
SAN_OBJECTS := $(SOURCES:%.c=$(B)/san/%.o)
UNIT_TESTS  := $(patsubst selftests/unit/%.c,$(B)/unit/%,$(wildcard selftests/unit/test_*.c))
HOOK_TESTS  := $(B)/hooks/hooks
SOAK_TESTS  := $(B)/soak/soak
HOOK_OBJECTS := $(patsubst selftests/%.c,$(B)/%.o,$(wildcard selftests/hooks/*.c selftests/escapes/*.c))
SOAK_OBJECTS := $(patsubst selftests/%.c,$(B)/%.o,$(wildcard selftests/soak/*.c))
# Static, for guests without libraries; the sanitisers cannot be linked so.
HOOK_CFLAGS := $(filter-out $(SAN_FLAGS),$(ALL_CFLAGS))
FUZZERS	    := $(patsubst selftests/fuzz/%.c,$(B)/fuzz/%,$(wildcard selftests/fuzz/*.c))
PAGE_MAKER  := $(B)/page/make_page
BENCHES	    := $(patsubst selftests/bench/%.c,$(B)/bench/%,$(wildcard selftests/bench/*.c))
MANUALS	    := $(patsubst %.scd,$(B)/man/%,$(notdir $(wildcard userspace/man/*.scd policy/*.scd)))
COMPLETION  := $(B)/completion/ringfence $(B)/completion/_ringfence
UNITS	    := $(wildcard userspace/units/*.service userspace/units/*.socket userspace/units/*.timer)
# Not before it is asked for: where there is no git, it is of no use.
SCRIPTS	     = $(shell git ls-files -co --exclude-standard | xargs -r grep -lIE '^\#!/bin/(ba)?sh')

# What is typed by itself builds on all processors, unless -j says otherwise.
PARALLEL = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

# Short output unless V=1.
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n' $(1) $(patsubst $(B)/%,%,$@))

.DELETE_ON_ERROR:
.PHONY: all help deps build-deps deb-deps demo check unit guest escapes page untagged soak bench fuzz lint \
	man install uninstall deb clean distclean

all: $(B)/ringfence $(COMPLETION) man	## build the program, its manual and its completion

help:					## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | \
		awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'
	@echo
	@echo '  V=1 shows the commands, SAN=1 builds with ASan and UBSan, WERROR=1 stops at warnings.'
	@echo '  DESTDIR and PREFIX (default /usr) say where install puts things.'

demo: deps				## play an outage in a guest: a deploy, caught and stopped
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory all
	$(Q)selftests/demo/demo

check: deps				## the tests; ends with "N passed, N failed, N skipped"
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory WERROR=1 all tests
	$(Q)selftests/check all

unit: tests				## the tests that need no guest
	$(Q)selftests/check unit

guest: all tests			## the tests that boot guests
	$(Q)STOPPED_SECONDS=60 selftests/check guest

escapes: deps				## every way round the fence, on every kernel: prints a table
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory all tests
	$(Q)rm -f $(B)/logs/escapes-*.log
	$(Q)selftests/check escapes && selftests/escapes/table

page: tests				## the report's page, in a browser; leaves pictures in build/page
	$(Q)selftests/check page

untagged: all tests			## Debian, untagged, behind the fence: on every kernel
	$(Q)selftests/check untagged

soak: deps				## the same for long and under load: SOAK_FORKS, SOAK_TRIALS, SOAK_SWAPS
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory WERROR=1 all tests
	$(Q)selftests/soak/run

.PHONY: tests
tests: $(UNIT_TESTS) $(HOOK_TESTS) $(SOAK_TESTS) $(FUZZERS) $(PAGE_MAKER)

bench: all $(BENCHES)			## measure speed and size
	$(Q)for bench in $(BENCHES); do $$bench || exit 1; done

lint:					## shellcheck over all scripts
	$(Q)shellcheck -x $(SCRIPTS)

# --- packages -----------------------------------------------------------------------------------

deps: PACKAGES = $(BUILD_PACKAGES) $(TEST_PACKAGES) $(DEB_PACKAGES)
build-deps: PACKAGES = $(BUILD_PACKAGES)
deb-deps: PACKAGES = $(BUILD_PACKAGES) $(DEB_PACKAGES)
deps build-deps deb-deps:		## install the Debian packages it takes, where they are missing
	@missing=$$(for p in $(PACKAGES); do \
		dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; \
	done); \
	[ -z "$$missing" ] && exit 0; \
	[ "$$(id -u)" = 0 ] || { echo "ringfence: these packages are missing; install them as root:" >&2; \
		echo "  apt-get install --no-install-recommends" $$missing >&2; exit 1; }; \
	echo "  APT    " $$missing; \
	apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null

print-build-packages:
	@echo $(BUILD_PACKAGES)
.PHONY: print-build-packages

# --- kernel programs ----------------------------------------------------------------------------

$(B)/lsm/ringfence.bpf.o: lsm/ringfence.bpf.c Makefile
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -c $< -o $@

$(SKELETON): $(B)/lsm/ringfence.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name ringfence_bpf > $@

# Tells builds of the programs apart, wherever they were made: of one release there may be many.
$(BUILD_ID): $(B)/lsm/ringfence.bpf.o
	$(call say,GEN)
	$(Q)sha256sum < $< | sed 's/^\(.\{16\}\).*/#define RINGFENCE_BUILD "\1"/' > $@

# --- user space ---------------------------------------------------------------------------------

$(B)/%.o: %.c Makefile $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -I$(B)/lsm -I$(B)/userspace/review -MMD -MP -c $< -o $@

$(B)/san/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SAN_FLAGS) -I$(B)/lsm -I$(B)/userspace/review -MMD -MP -c $< -o $@

# Their text is part of the program.
$(B)/policy/implied.o $(B)/san/policy/implied.o: $(addprefix policy/services/,handoff.yaml system-files.yaml \
						   null-devices.yaml)

$(B)/userspace/verbs/completion.o $(B)/san/userspace/verbs/completion.o: $(wildcard userspace/verbs/completion.*sh)

# Hashes of what the report's page holds between its tags, as a content security policy wants them.
$(PAGE_HASHES): userspace/review/page/page.css userspace/review/page/page.js
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)for file in css js; do \
		printf '#define PAGE_%s_HASH "sha256-%s"\n' "$$(echo $$file | tr a-z A-Z)" \
			"$$(sha256sum < userspace/review/page/page.$$file | cut -c -64 | tr a-f A-F | basenc -d --base16 | base64)"; \
	done > $@

$(B)/userspace/review/report_html.o $(B)/san/userspace/review/report_html.o: $(PAGE_HASHES) $(wildcard userspace/review/page/*)

# Both must be there before the one file that includes them is compiled for the first time.
$(B)/userspace/fence/fence.o $(B)/san/userspace/fence/fence.o: $(SKELETON) $(BUILD_ID)

$(B)/ringfence: $(OBJECTS)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Changes when the flags do, so that SAN=1 after a plain build builds anew.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo $(CC) $(ALL_CFLAGS) | sed 's/ -Werror$$//' | cmp -s - $@ || \
		echo $(CC) $(ALL_CFLAGS) | sed 's/ -Werror$$//' > $@
.PHONY: FORCE

# --- tests --------------------------------------------------------------------------------------

$(B)/san/libringfence.a: $(filter-out $(B)/san/userspace/main.o,$(SAN_OBJECTS))
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/unit/%: selftests/unit/%.c $(B)/san/libringfence.a
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -Werror=unused-function -O1 $(SAN_FLAGS) -I. -MMD -MP -o $@ $< \
		$(B)/san/libringfence.a $(LIBS) -lcmocka

$(PAGE_MAKER): selftests/page/make_page.c $(B)/san/libringfence.a
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SAN_FLAGS) -I. -MMD -MP -o $@ $< $(B)/san/libringfence.a $(LIBS)

$(HOOK_OBJECTS) $(SOAK_OBJECTS): $(B)/%.o: selftests/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(HOOK_CFLAGS) -MMD -MP -c $< -o $@

$(B)/hooks/hooks: $(HOOK_OBJECTS)
	$(call say,LD)
	$(Q)$(CC) $(HOOK_CFLAGS) -static -o $@ $^ -ljansson -luring -pthread

$(B)/soak/soak: $(SOAK_OBJECTS) $(filter-out $(B)/hooks/main.o,$(HOOK_OBJECTS))
	$(call say,LD)
	$(Q)$(CC) $(HOOK_CFLAGS) -static -o $@ $^ -ljansson -luring -pthread

$(B)/bench/%: selftests/bench/%.c $(OBJECTS)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -I. -MMD -MP -o $@ $< \
		$(filter-out $(B)/userspace/main.o,$(OBJECTS)) $(LIBS)

FUZZ_FLAGS := -std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I.
FUZZ_JOURNAL := $(patsubst %,userspace/%.c,review/journal review/journal_files audit/log_files audit/log_unpack \
		  audit/audit_line base/lines base/text runs/run_id)
$(B)/fuzz/fuzz_journal: FUZZ_SOURCES = $(FUZZ_JOURNAL)
$(B)/fuzz/fuzz_journal: $(FUZZ_JOURNAL) $(FUZZ_JOURNAL:.c=.h)
FUZZ_REPORT := $(FUZZ_JOURNAL) userspace/review/program.c $(patsubst %,userspace/base/%.c,siphash locations term) \
	       $(wildcard userspace/review/deps*.c userspace/review/classify*.c) \
	       $(patsubst %,userspace/review/report_%.c,json text md dot document)
$(B)/fuzz/fuzz_report: FUZZ_SOURCES = $(FUZZ_REPORT)
$(B)/fuzz/fuzz_report: $(FUZZ_REPORT) $(wildcard userspace/*/*.h)
$(B)/fuzz/%: selftests/fuzz/%.c $(wildcard policy/*.[ch] lsm/*.h)
	@mkdir -p $(@D)
	$(call say,FUZZ)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -o $@ $< $(wildcard policy/*.c) $(FUZZ_SOURCES) -lyaml -ljansson -lz

FUZZ_SECONDS ?= 600
fuzz: deps $(FUZZERS)			## fuzz the parsers for FUZZ_SECONDS each
	$(Q)for fuzzer in $(FUZZERS); do selftests/fuzz/run $$fuzzer $(FUZZ_SECONDS) || exit 1; done

# --- manual and completion ----------------------------------------------------------------------

man: $(MANUALS)				## build the manual pages

vpath %.scd userspace/man policy
$(B)/man/%: %.scd
	@mkdir -p $(@D)
	$(call say,MAN)
	$(Q)scdoc < $< > $@

$(B)/completion/ringfence: $(B)/ringfence
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)$< completion bash > $@

$(B)/completion/_ringfence: $(B)/ringfence
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)$< completion zsh > $@

# --- installing ---------------------------------------------------------------------------------

TO	= $(DESTDIR)$(PREFIX)
BASH_TO	= $(TO)/share/bash-completion/completions
ZSH_TO	= $(TO)/share/zsh/vendor-completions
UNITDIR	?= $(PREFIX)/lib/systemd/system

install: all				## install the program and all that belongs to it
	install -D -m 0755 $(B)/ringfence $(TO)/sbin/ringfence
	install -d $(TO)/share/ringfence/services $(TO)/share/doc/ringfence/examples \
		$(DESTDIR)/etc/ringfence/policy.d
	install -m 0644 policy/services/*.yaml $(TO)/share/ringfence/services
	install -m 0644 policy/examples/*.yaml userspace/units/ringfence.logrotate $(TO)/share/doc/ringfence/examples
	for page in $(MANUALS); do \
		install -D -m 0644 -t $(TO)/share/man/man$${page##*.} $$page || exit 1; \
	done
	install -D -m 0644 -t $(BASH_TO) $(B)/completion/ringfence
	install -D -m 0644 -t $(ZSH_TO) $(B)/completion/_ringfence
	install -D -m 0644 userspace/units/ringfence.sysusers $(TO)/lib/sysusers.d/ringfence.conf
	for unit in $(UNITS); do \
		install -D -m 0644 -t $(DESTDIR)$(UNITDIR) $$unit && \
		sed -i 's|/usr/sbin/ringfence|$(PREFIX)/sbin/ringfence|g' \
			$(DESTDIR)$(UNITDIR)/$${unit##*/} || exit 1; \
	done

uninstall:				## remove what install put there, but nothing of /etc
	rm -f $(TO)/sbin/ringfence $(BASH_TO)/ringfence $(ZSH_TO)/_ringfence \
		$(TO)/lib/sysusers.d/ringfence.conf
	rm -f $(foreach page,$(notdir $(MANUALS)),$(TO)/share/man/man$(lastword $(subst ., ,$(page)))/$(page))
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(UNITS)))
	rm -rf $(TO)/share/ringfence $(TO)/share/doc/ringfence

# On a copy of what git knows, without the settings of this make: they are not the package's.
deb: deb-deps				## build the Debian package, in build/deb
	$(Q)rm -rf $(B)/deb && mkdir -p $(B)/deb/ringfence
	$(Q)git ls-files -z | xargs -0 cp -a --parents -t $(B)/deb/ringfence
	$(Q)cd $(B)/deb/ringfence && env -u MAKEFLAGS -u MAKEOVERRIDES -u MFLAGS dpkg-buildpackage -b -us -uc
	$(Q)lintian --allow-root --pedantic --fail-on error,warning,pedantic $(B)/deb/*.changes

clean:					## remove what was built; keeps kernels and guests
	rm -rf $(B)/lsm $(B)/policy $(B)/userspace $(B)/san $(B)/unit $(B)/hooks $(B)/escapes $(B)/soak $(B)/bench \
		$(B)/fuzz $(B)/page $(B)/man $(B)/completion $(B)/deb $(B)/deb-next $(B)/ringfence $(B)/flags

distclean:				## remove build/ as a whole
	rm -rf $(B)

-include $(wildcard $(B)/lsm/*.d $(B)/policy/*.d $(B)/userspace/*.d $(B)/userspace/*/*.d $(B)/san/policy/*.d \
	$(B)/san/userspace/*.d $(B)/san/userspace/*/*.d $(B)/unit/*.d $(B)/hooks/*.d $(B)/escapes/*.d \
	$(B)/soak/*.d $(B)/bench/*.d $(B)/page/*.d)
