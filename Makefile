# hooke: make, make demo, make test, make check, make bench, make install. One build folder a flavour:
#   make FLAVOUR=release|debug|asan|tsan|fuzz   CC=gcc|clang   CROSS=aarch64-linux-gnu-   WERROR=1
# What is found on the machine selects files (src/*/foo_none.c beside foo.c), never #ifdefs inside algorithms.

FLAVOUR ?= release
JOBS    ?= $(shell nproc 2>/dev/null || echo 1)
# Quiet by default: one short line a file. V=1 shows the commands.
Q := $(if $(V),,@)
CROSS   ?=
CC      := $(CROSS)$(if $(filter default,$(origin CC)),gcc,$(CC))
AR      := $(CROSS)ar
PREFIX  ?= /usr/local
VERSION := $(shell sed -n 's/^.define HOOKE_VERSION "\(.*\)"/\1/p' include/hooke.h)
ARCH    := $(shell $(CC) -dumpmachine 2>/dev/null | cut -d- -f1)
B       := build/$(FLAVOUR)$(if $(CROSS),-$(ARCH))$(if $(filter %clang,$(CC)),-clang)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wvla -Wconversion -Wdouble-promotion -Wformat=2 -Wcast-qual \
        -Wwrite-strings -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wimplicit-fallthrough \
        $(if $(WERROR),-Werror)
FLAGS_release := -O2 -DNDEBUG
FLAGS_debug   := -O0 -DHOOKE_DEBUG
FLAGS_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAGS_tsan    := -O1 -fsanitize=thread
FLAGS_fuzz    := $(FLAGS_asan) -fsanitize=fuzzer-no-link -Wno-pass-failed
CFLAGS  ?= -g
# No -ffast-math: NaN and infinities are data here. These two are safe and let loops vectorise.
BASEFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L -fPIC -fvisibility=hidden -fopenmp -fno-math-errno -fno-trapping-math \
             -ffp-contract=off -Iinclude -Isrc $(WARN) $(FLAGS_$(FLAVOUR))
LDLIBS  := -lutf8proc -lz -lzstd -lm

# oneDNN: found by compiling against it (Debian 12 ships 2.x, Debian 13 and Ubuntu 24.04 3.x or 2.x).
HAVE_DNNL := $(shell printf '\043include <oneapi/dnnl/dnnl.h>\nint main(void){return 0;}' | \
               $(CC) -x c - -o /dev/null -ldnnl 2>/dev/null && echo 1 || echo 0)
SRC := $(filter-out src/cli/%,$(wildcard src/*/*.c src/*/*/*.c))
SRC := $(filter-out $(if $(filter 1,$(HAVE_DNNL)),src/tensor/cpu/gemm_plain.c,src/tensor/cpu/gemm_dnnl.c),$(SRC))
ifeq ($(HAVE_DNNL),1)
LDLIBS += -ldnnl
DNNL_MAJOR := $(shell printf '\043include <oneapi/dnnl/dnnl.h>\nDNNL_VERSION_MAJOR\n' | $(CC) -E -P -x c - | tail -1)
endif
# oneDNN's primitive interface differs between 2 and 3.
SRC := $(filter-out $(filter-out src/tensor/cpu/dnnl_matmul_$(DNNL_MAJOR).c,$(wildcard src/tensor/cpu/dnnl_matmul_*.c)),$(SRC))
# libcurl: headers alone; the library is loaded when something is pulled.
HAVE_CURL := $(shell printf '\043include <curl/curl.h>\nint x = CURLOPT_PROTOCOLS_STR;' | \
               $(CC) -x c - -c -o /dev/null 2>/dev/null && echo 1 || echo 0)
SRC := $(filter-out $(if $(filter 1,$(HAVE_CURL)),src/file/http_none.c,src/file/http_curl.c),$(SRC))
ISA_SRC := $(filter %_avx2.c %_avx512.c %_avx512bf16.c %/cpu_x86.c,$(SRC))
ifneq ($(ARCH),x86_64)
SRC := $(filter-out $(ISA_SRC),$(SRC))
else
SRC := $(filter-out %_no_x86.c,$(SRC))
endif
CLI_SRC := $(wildcard src/cli/*.c)
OBJ     := $(SRC:%.c=$B/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$B/%.o)
TEST_SRC := $(wildcard tests/*/test_*.c)
TESTS    := $(TEST_SRC:%.c=$B/%)
BENCH    := $(patsubst %.c,$B/%,$(wildcard bench/bench_*.c))
FUZZ_SRC := $(wildcard fuzz/fuzz_*.c)
FUZZ     := $(FUZZ_SRC:%.c=$B/%)

# GNU make runs recipes for the first matching pattern: ISA flags belong to single files, never to the whole build.
# Fuzzers feed readers, not inner loops, and clang needs minutes to instrument these files: there they are built plain.
PLAIN := $(if $(filter fuzz,$(FLAVOUR)),-fno-sanitize=all)
$B/%_avx2.o:       ISA := -mavx2 -mfma -mf16c -ffp-contract=fast $(PLAIN)
$B/%_avx512.o:     ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512 -ffp-contract=fast $(PLAIN)
$B/%_avx512bf16.o: ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mavx2 -mfma -mf16c -ffp-contract=fast $(PLAIN)

.PHONY: FORCE all demo test check bench install clean setup fuzz test-programs found sources
all: found hooke $B/libhooke.a $B/libhooke.so $B/hooke.pc

found:
	@echo "hooke $(VERSION): $(CC) $(ARCH) $(FLAVOUR), oneDNN $(if $(filter 1,$(HAVE_DNNL)),found,not found: plain matrix products), libcurl $(if $(filter 1,$(HAVE_CURL)),found,not found: no downloads)"

$B/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo '  cc   $<')
	$Q$(CC) $(BASEFLAGS) $(CFLAGS) $(ISA) $(DEFINES) -MMD -MP -c $< -o $@

$B/libhooke.a: $(OBJ)
	@rm -f $@
	$Q$(AR) rcs $@ $(OBJ)
$B/libhooke.so: $(OBJ)
	$Q$(CC) -shared -Wl,-soname,libhooke.so.0 -fopenmp $(FLAGS_$(FLAVOUR)) $(OBJ) -o $@ $(LDLIBS)
$B/hooke: $(CLI_OBJ) $B/libhooke.a
	$Q$(CC) -fopenmp $(FLAGS_$(FLAVOUR)) $(CLI_OBJ) $B/libhooke.a -o $@ $(LDLIBS)
hooke: $B/hooke
	@cp -f $B/hooke hooke
# What is made for a prefix is made again for another one.
$B/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' > $@
$B/src/file/resolve.o: $B/prefix
$B/src/file/resolve.o: DEFINES := -DHOOKE_PREFIX='"$(PREFIX)"'
FORCE:
$B/hooke.pc: Makefile include/hooke.h $B/prefix
	@mkdir -p $(@D)
	@printf 'prefix=%s\nlibdir=$${prefix}/lib\nincludedir=$${prefix}/include\n\nName: hooke\nDescription: %s\nVersion: %s\nLibs: -L$${libdir} -lhooke\nLibs.private: %s -fopenmp\nCflags: -I$${includedir}\n' \
	  '$(PREFIX)' 'a microscope for language models' '$(VERSION)' '$(LDLIBS)' > $@

# No vectorising: gcc 12 for aarch64 dies of it in a test, and tests gain nothing from it.
$B/tests/%: tests/%.c $B/libhooke.a $(wildcard tests/*.h)
	@mkdir -p $(@D)
	$(if $(V),,@echo '  test $<')
	$Q$(CC) $(BASEFLAGS) $(CFLAGS) -fno-tree-vectorize -Itests -MMD -MP $< $(BESIDE) $B/libhooke.a -o $@ -lcmocka $(LDLIBS)
# Tests of downloads bring a hub of their own.
HUB_TESTS := $(addprefix $B/tests/,file/test_hub_pull file/test_hub_kill file/test_hub_part file/test_hub_source file/test_hub_answers cli/test_pull)
$(HUB_TESTS): BESIDE := tests/file/hub_server.c
$(HUB_TESTS): tests/file/hub_server.c tests/file/hub_server.h
$B/bench/%: bench/%.c $B/libhooke.a
	@mkdir -p $(@D)
	$Q$(CC) $(BASEFLAGS) $(CFLAGS) -MMD -MP $< $B/libhooke.a -o $@ $(LDLIBS)
# Fuzz targets: FLAVOUR=fuzz (clang) links libFuzzer; every other flavour the plain driver that replays files.
$B/fuzz/%: fuzz/%.c fuzz/driver.c $B/libhooke.a
	@mkdir -p $(@D)
	$Q$(CC) $(BASEFLAGS) $(CFLAGS) $(if $(filter fuzz,$(FLAVOUR)),-fsanitize=fuzzer $<,$< fuzz/driver.c) $B/libhooke.a -o $@ $(LDLIBS)

setup:
	@tools/setup.sh
demo: setup
	@$(MAKE) --no-print-directory -j$(JOBS) hooke
	@OMP_WAIT_POLICY=passive ./hooke demo
test-programs: $(TESTS) $(FUZZ) $B/hooke
test: setup
	@$(MAKE) --no-print-directory -j$(JOBS) hooke test-programs
	@HOOKE=$(CURDIR)/$B/hooke tests/run.sh $(TESTS)
check: setup
	@tools/check/check.sh
fuzz:
	@tools/check/fuzz.sh
sources: # what is built here, for the static analysis
	@printf '%s\n' $(SRC) $(CLI_SRC)
bench: setup
	@$(MAKE) --no-print-directory -j$(JOBS) hooke $(BENCH)
	@for b in $(BENCH); do $$b || exit 1; done
	@for b in ceiling encode decode prefill generate; do ./hooke bench $$b --shape pythia-70m || exit 1; done

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/hooke
	install -m 755 $B/hooke $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $B/libhooke.a $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $B/libhooke.so $(DESTDIR)$(PREFIX)/lib/libhooke.so.0
	ln -sf libhooke.so.0 $(DESTDIR)$(PREFIX)/lib/libhooke.so
	install -m 644 $B/hooke.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/
	install -m 644 include/hooke.h $(DESTDIR)$(PREFIX)/include/
	cp -r models data $(DESTDIR)$(PREFIX)/share/hooke/
clean:
	rm -rf build hooke

-include $(OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TESTS:=.d) $(BENCH:=.d)
