# Builds, tests and installs Espalier. `make help` lists the targets and the settings.
# Every setting can be given on the command line: make test ARCH=x86-64-v3 SANITIZE=1

ARCH   ?= native
BUILD  ?= build
PREFIX ?= /usr/local
version := 0.1.0

# Each configuration has folders of its own, so that changing back and forth compiles nothing anew.
# The default one's programs are in $(BUILD) itself: build/espalier.
goals  := $(or $(MAKECMDGOALS),all)
# The fuzz programs need clang's libFuzzer, and everything in them compiled for it.
fuzzing := $(filter fuzz,$(goals))
ifneq ($(fuzzing),)
override CXX := $(if $(findstring clang,$(CXX)),$(CXX),clang++)
endif
clang  := $(findstring clang,$(CXX))
empty  :=
config := $(subst $(empty) ,_,$(strip $(ARCH)))$(if $(clang),-clang)$(if \
  $(fuzzing),-fuzz,$(if $(SANITIZE),-sanitize))
OBJ    := $(BUILD)/obj/$(config)
OUT    := $(BUILD)$(if $(filter-out native,$(config)),/$(config))

# All cores, unless -jN is given: make lets the command line win. A make called by another shares
# the caller's cores.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
# In `make clean all` the first has to end before the second begins.
ifneq ($(filter clean uninstall,$(goals)),)
.NOTPARALLEL:
endif

# ---- Packages ----------------------------------------------------------------
# OpenBLAS is linked from its OpenMP flavour's own folder, and found there at run time (rpath): the
# system's general libopenblas.so.0 may be the pthread flavour, many times slower in our threads.
triple   := $(shell $(CXX) -print-multiarch 2>/dev/null)
BLAS_INC ?= /usr/include/$(triple)/openblas-openmp
BLAS_LIB ?= /usr/lib/$(triple)/openblas-openmp

# Image formats that are read where these packages, libwebp-dev and libtiff-dev, are installed.
webp := $(wildcard /usr/include/webp/demux.h)
tiff := $(wildcard /usr/include/$(triple)/tiffio.h)

# What the goals need and does not exist: $(call package,NAME,FILE) is NAME where FILE is missing.
package = $(if $(wildcard $2),,$1)
building := $(filter-out help clean uninstall format check-format,$(goals))
ifneq ($(building),)
missing := $(if $(shell command -v $(firstword $(CXX))),,$(or $(clang),g++)) \
  $(call package,libopenblas-openmp-dev,$(BLAS_LIB)/libopenblas.so) \
  $(call package,doctest-dev,/usr/include/doctest/doctest.h) \
  $(call package,libstb-dev,/usr/include/stb/stb_image.h) \
  $(call package,libcli11-dev,/usr/include/CLI/CLI.hpp) \
  $(call package,nlohmann-json3-dev,/usr/include/nlohmann/json.hpp) \
  $(call package,zlib1g-dev,/usr/include/zlib.h)
endif
ifneq ($(clang),)
missing += $(call package,libomp-dev,/usr/lib/llvm-*/lib/clang/*/include/omp.h)
endif
ifneq ($(fuzzing),)
missing += $(call package,libclang-rt-14-dev,\
  /usr/lib/llvm-14/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a)
endif
ifneq ($(filter run deps,$(goals)),)  # for the download of CIFAR-10
missing += $(if $(shell command -v curl),,curl) \
  $(call package,ca-certificates,/etc/ssl/certs/ca-certificates.crt)
endif
ifneq ($(filter test deps,$(goals)),)  # for the test of the installed copy
missing += $(if $(shell command -v pkg-config),,pkg-config)
endif
ifneq ($(filter format check-format,$(goals)),)
missing += $(if $(shell command -v clang-format),,clang-format)
endif
missing := $(strip $(missing))

# make brings an included file up to date first and then starts afresh, with the packages there.
# Not under `make -n`, which is to change nothing.
ifneq ($(missing),)
ifeq ($(findstring n,$(firstword -$(MAKEFLAGS))),)
include $(BUILD)/packages.mk
endif
endif

define install_packages
command -v apt-get >/dev/null || { echo "missing: $(missing), and no apt-get here" >&2; exit 1; }; \
if [ "$$(id -u)" = 0 ]; then root=; \
elif sudo -n true 2>/dev/null; then root='sudo -n'; \
else echo "Espalier needs packages that are missing; please run:" >&2; \
  echo "  sudo apt-get install --no-install-recommends $(missing)" >&2; exit 1; fi; \
echo "installing $(missing)"; \
get() { $$root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$$@" </dev/null; }; \
install() { get install -y --no-install-recommends $(missing) >$(BUILD)/packages.log 2>&1; }; \
install || { get update && install; } || { cat $(BUILD)/packages.log >&2; exit 1; }
endef

# Starting afresh with something still missing would go round for ever.
$(BUILD)/packages.mk: FORCE
	@mkdir -p $(BUILD)
	@if [ -n '$(MAKE_RESTARTS)' ]; then echo "installed, but still missing: $(missing)" >&2; exit 1; fi
	@$(install_packages)
	@touch $@

# ---- Flags -------------------------------------------------------------------
# Never -ffast-math: it takes NaN checks away and sums in an order nobody wrote. Multiply-adds are
# contracted everywhere but in the random numbers, which are the same on every processor.
ifneq ($(fuzzing),)
optimise := -O1 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS -fno-sanitize-recover=all \
  -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow
else ifdef SANITIZE
# What the sanitizers add makes GCC see uninitialised memory in std::regex; they look themselves.
optimise := -O1 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS -Wno-maybe-uninitialized \
  -fsanitize=address,undefined -fno-sanitize-recover=all
else
# GCC 12.2 joins the stores of options passed by value to wrong values where it has AVX-512: 1x1
# convolutions came with a padding of 1. Loops are vectorized all the same.
optimise := -O3 -g1 -fno-tree-slp-vectorize
quick    := -O1
endif
# Short of registers, GCC on x86 keeps addresses in vector registers; from there they arrive late,
# behind the multiply-adds that wait. Only the kernels are short of registers.
kernel_tuning := -mtune-ctrl=^inter_unit_moves_to_vec,^inter_unit_moves_from_vec
kernel_tuning := $(shell $(CXX) $(kernel_tuning) -E -x c++ /dev/null >/dev/null 2>&1 && \
  echo '$(kernel_tuning)')
# GCC 12 sees overlaps in std::string's own copying that cannot be: its bug 105329.
FLAGS := -std=c++20 $(optimise) -march=$(ARCH) -fopenmp -ffp-contract=fast -Wall -Wextra -Werror \
  $(if $(clang),,-Wno-restrict) \
  -I. -Iexamples -I$(BLAS_INC) $(CPPFLAGS) $(CXXFLAGS)
LINK  := $(LDFLAGS) -L$(BLAS_LIB) -Wl,-rpath,$(BLAS_LIB)
LIBS  := -lopenblas -lz $(if $(webp),-lwebpdemux -lwebp) $(if $(tiff),-ltiff) $(LDLIBS)
# What the archives of libtiff and libwebp need beside them is in files of their own.
static_packages := $(if $(tiff),libtiff-4) $(if $(webp),libwebp libwebpdemux)
# What the archives of OpenBLAS need beside it; quadmath exists on some processors only.
static_libs := -lgfortran \
  $(if $(filter /%,$(shell $(CXX) -print-file-name=libquadmath.a 2>/dev/null)),-lquadmath)
$(OBJ)/examples/cli/main.o: private FLAGS += -DESPALIER_VERSION='"$(version)"'
$(OBJ)/datasets/codec_webp.o: private FLAGS += $(if $(webp),-DESPALIER_WEBP)
$(OBJ)/datasets/codec_tiff.o: private FLAGS += $(if $(tiff),-DESPALIER_TIFF)
$(OBJ)/core/rng.o: private FLAGS += -ffp-contract=off
$(OBJ)/core/kernels/%.o: private FLAGS += $(kernel_tuning)
ifneq ($(fuzzing),)  # what watches the loops keeps them from being vectorized
$(OBJ)/%.o: private FLAGS += -Wno-pass-failed
endif
# What computes little is compiled sooner rather than optimised better.
$(OBJ)/examples/cli/%.o $(OBJ)/examples/charts/%.o $(OBJ)/tests/%.o: private FLAGS += $(quick)
ifdef SANITIZE
# The time of a sanitizer run goes into compiling the many files that compute little, and into
# running the few that compute. What is not looked for in kernels, null pointers and unaligned
# vectors, faults there by itself, and the address sanitizer sees where they lead; to look for uses
# after a scope's end keeps all sums in memory.
$(OBJ)/examples/%.o $(OBJ)/tests/%.o: private FLAGS += -O0
$(OBJ)/tests/test_conv.o $(OBJ)/tests/test_sparse_conv.o: private FLAGS += -O1
$(OBJ)/core/kernels/%.o: private FLAGS += -O2 -fno-sanitize=null,pointer-overflow,alignment \
  -fno-sanitize-address-use-after-scope
endif

# ---- What is built from what -------------------------------------------------
folders  := core layers optim pruning datasets
library  := $(sort $(shell find $(folders) -name '*.cpp' 2>/dev/null))
program  := $(sort $(wildcard examples/cli/*.cpp))
charts   := $(sort $(wildcard examples/charts/*.cpp))
course   := $(sort $(wildcard examples/course/*.cpp))
examples := $(sort $(wildcard examples/*.cpp))
tests    := $(sort $(wildcard tests/*.cpp tests/*/*.cpp))
objects   = $(patsubst %.cpp,$(OBJ)/%.o,$1)
every_object := $(call objects,$(library) $(program) $(charts) $(course) $(examples) $(tests))
example_programs := $(patsubst examples/%.cpp,$(OUT)/examples/%,$(examples))
products := $(OUT)/libespalier.a $(if $(program),$(OUT)/espalier) $(example_programs)

all: $(products)
	@echo "built $(OUT)/espalier"

# Objects depend on the flags, the compiler and what -march=native means on this machine, products
# on the list of sources. Both lists are written only when they differ.
write_if_changed = mkdir -p $(@D); { $1; } >$@.new 2>&1; \
  if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
$(OBJ)/flags: FORCE
	@$(call write_if_changed,echo $(LINK) $(LIBS) $(version) $(kernel_tuning) $(quick); \
	  env -u MAKEFLAGS $(CXX) $(FLAGS) -E -x c++ /dev/null -o /dev/null -\#\#\#)
$(OBJ)/sources: FORCE
	@$(call write_if_changed,echo $(library) $(program) $(charts) $(course) $(examples) $(tests))

$(OBJ)/%.o: %.cpp $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,compile,$<) $(CXX) $(FLAGS) -MMD -MP -c -o $@ $<

# From nothing each time: ar would keep the objects of sources that are gone.
$(OUT)/libespalier.a: $(call objects,$(library)) $(OBJ)/sources
	@mkdir -p $(@D)
	$(call say,archive,$@) rm -f $@ && ar rcs $@ $(filter %.o,$^)

$(OUT)/espalier: $(call objects,$(program) $(charts))
$(OUT)/tests: $(call objects,$(tests) $(charts) $(filter-out %/main.cpp,$(program)))
$(example_programs): $(OUT)/examples/%: $(OBJ)/examples/%.o $(call objects,$(course) $(charts))
$(OUT)/espalier $(OUT)/tests $(example_programs): $(OUT)/libespalier.a $(OBJ)/sources
	@mkdir -p $(@D)
	$(call say,link,$@) $(CXX) $(FLAGS) $(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

# One short line for each command; `make V=1` shows the commands themselves.
say = $(if $(V),,@printf '%-8s %s\n' $1 $2;)

-include $(every_object:.o=.d)

# ---- Running -----------------------------------------------------------------
# The data: as told, else as downloaded, else what the program generates.
run: $(OUT)/espalier
	@data="$${DATA:-$$ESPALIER_DATA}"; \
	if [ -n "$$data" ]; then echo "data: $$data, as told"; \
	elif datasets/fetch-cifar10.sh data; then data=data/cifar-10-batches-bin; \
	else echo "data: a generated set of ten shapes in place of CIFAR-10"; fi; \
	set -x; $(OUT)/espalier run $${data:+--data "$$data"} $(RUN_ARGS)

# The tests start the program too, which is why it is built first.
test: all $(OUT)/tests
	@ESPALIER_PROGRAM='$(abspath $(OUT)/espalier)' ESPALIER_CXX='$(CXX) $(FLAGS) $(LINK)' \
	  ESPALIER_LIBS='$(abspath $(OUT)/libespalier.a) $(LIBS)' UBSAN_OPTIONS=print_stacktrace=1 \
	  $(OUT)/tests $(TEST_ARGS)

# Each target runs for FUZZ_INPUTS inputs, one target after the other. They begin with those of
# tests/fuzz/corpus; new ones that reach new code, and those that are faults, are left in
# $(OUT)/fuzz/TARGET.new/ and $(OUT)/fuzz/TARGET-*. FUZZ_TARGETS names some of the targets.
FUZZ_INPUTS  ?= 10000
FUZZ_TARGETS ?= $(patsubst tests/fuzz/%.cpp,%,$(filter-out %/fuzz.cpp,$(wildcard tests/fuzz/*.cpp)))
fuzz_programs := $(FUZZ_TARGETS:%=$(OUT)/fuzz/%)
$(fuzz_programs): $(OUT)/fuzz/%: $(call objects,tests/fuzz/%.cpp tests/fuzz/fuzz.cpp $(charts) \
    $(filter-out %/main.cpp,$(program))) $(OUT)/libespalier.a $(OBJ)/sources
	@mkdir -p $(@D)
	$(call say,link,$@) $(CXX) $(FLAGS) -fsanitize=fuzzer $(LINK) -o $@ $(filter %.o,$^) \
	  $(filter %.a,$^) $(LIBS)
fuzz: $(fuzz_programs)
	@for target in $(FUZZ_TARGETS); do \
	  program=$(OUT)/fuzz/$$target; corpus=tests/fuzz/corpus/$$target; words=tests/fuzz/$$target.dict; \
	  mkdir -p $$program.new && echo "fuzz $$target" && OMP_NUM_THREADS=1 $$program \
	    -runs=$(FUZZ_INPUTS) -max_len=16384 -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
	    -artifact_prefix=$$program- $$([ ! -e $$words ] || echo -dict=$$words) $(FUZZ_ARGS) \
	    $$program.new $$corpus || exit; \
	done

bench: $(OUT)/espalier
	$(OUT)/espalier bench --model convnet $(BENCH_ARGS)

deps:
	@echo "all packages are there"

# ---- Installing --------------------------------------------------------------
# Headers of the kernels and those that include them stay here: their types depend on -march, so a
# program compiled for another processor could not share them with the library.
headers  = $(shell find $(folders) -name '*.h' ! -path 'core/kernels/*' ! -path core/simd.h \
  ! -exec grep -Eq '"core/(kernels/|simd\.h")' {} \; -print)
include := $(PREFIX)/include/espalier
# Where each shell looks for what completes a program of this name.
completions := bash-completion/completions/espalier zsh/site-functions/_espalier \
  fish/vendor_completions.d/espalier.fish
define espalier_pc
prefix=$(PREFIX)
includedir=$${prefix}/include
libdir=$${prefix}/lib

Name: Espalier
Description: Deep learning with pruning built in
Version: $(version)
Cflags: -I$${includedir}/espalier -fopenmp -std=c++20
Requires.private: $(static_packages)
Libs: -L$${libdir} -lespalier -L$(BLAS_LIB) -Wl,-rpath,$(BLAS_LIB) $(LIBS) -fopenmp
Libs.private: $(static_libs)
endef
export espalier_pc

install: $(OUT)/libespalier.a $(OUT)/espalier
	@for header in $(headers); do \
	  install -D -m 644 $$header "$(DESTDIR)$(include)/$$header" || exit; done
	@install -D -m 644 examples/espalier.h "$(DESTDIR)$(include)/espalier.h"
	@install -D -m 644 $(OUT)/libespalier.a "$(DESTDIR)$(PREFIX)/lib/libespalier.a"
	@install -D -m 755 $(OUT)/espalier "$(DESTDIR)$(PREFIX)/bin/espalier"
	@mkdir -p "$(DESTDIR)$(PREFIX)/lib/pkgconfig"
	@printf '%s\n' "$$espalier_pc" >"$(DESTDIR)$(PREFIX)/lib/pkgconfig/espalier.pc"
	@for file in $(completions); do shell=$${file%%[-/]*}; \
	  $(OUT)/espalier completion $$shell >$(BUILD)/completion && \
	  install -D -m 644 $(BUILD)/completion "$(DESTDIR)$(PREFIX)/share/$$file" || exit; done
	@echo "installed in $(DESTDIR)$(PREFIX)"

uninstall:
	rm -rf "$(DESTDIR)$(include)"
	rm -f "$(DESTDIR)$(PREFIX)/lib/libespalier.a" "$(DESTDIR)$(PREFIX)/bin/espalier" \
	  "$(DESTDIR)$(PREFIX)/lib/pkgconfig/espalier.pc" \
	  $(addprefix "$(DESTDIR)$(PREFIX)/share"/,$(completions))

# ---- Housekeeping ------------------------------------------------------------
formatted = $(shell find $(folders) examples tests -name '*.cpp' -o -name '*.h')
format:
	clang-format -i $(formatted)
check-format:
	@clang-format --dry-run --Werror $(formatted) && echo "format as .clang-format has it"

clean:
	rm -rf $(BUILD)

define help
make            the program build/espalier, the library and the examples, optimised
make run        the whole story on CIFAR-10: DATA=DIR or $$ESPALIER_DATA, else downloaded, else a
                generated set; RUN_ARGS="--epochs 2 ..."
make test       builds and runs the tests; TEST_ARGS="-tc='*conv*'" for some of them
make fuzz       feeds broken input to every reader (clang); FUZZ_INPUTS=10000 FUZZ_TARGETS="..."
make bench      speed of the built-in network; BENCH_ARGS="--threads 1 ..."
make install    headers, library, program, pkg-config; PREFIX=/usr/local DESTDIR=
make uninstall  removes them
make deps       installs the Debian packages that are missing; every build does so first
make format     formats the sources; make check-format only looks
make clean      removes $(BUILD)/

settings        ARCH=native (or x86-64-v3, ...)  SANITIZE=1  BUILD=build  CXX=g++
                V=1 (show the commands)  -jN (all cores when not given)
endef
export help
help:
	@printf '%s\n' "$$help"

FORCE:
.PHONY: all run test fuzz bench deps install uninstall format check-format clean help FORCE
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
