// What is said of the system: of this one, and the warning for every kind.
#include <doctest/doctest.h>

#include <cstdlib>

#include "core/layout.h"
#include "core/parallel.h"
#include "core/system.h"

namespace espalier {
namespace {

TEST_CASE("system: says what runs here") {
  const System system = system_info();
  CHECK_FALSE(system.blas_core.empty());
  CHECK(system.blas_config.find("OpenBLAS") != std::string::npos);
  CHECK(system.threads == num_threads());
  CHECK(system.vector_bits == 32 * simd_lanes());
  CHECK(warning() == warning(system.blas_core, system.cpu_level, std::getenv("OPENBLAS_CORETYPE")));
}

TEST_CASE("system: in one line, in the right number") {
  const int before = num_threads();
  const std::string bits = std::to_string(32 * simd_lanes()) + "-bit vectors";
  const std::string core = "OpenBLAS " + system_info().blas_core;
  set_num_threads(1);
  CHECK(describe() == core + ", 1 thread, " + bits);
  set_num_threads(3);
  CHECK(describe() == core + ", 3 threads, " + bits);
  set_num_threads(before);
}

TEST_CASE("system: no warning where the kernels are as good as the processor, or better") {
  CHECK(warning("SkylakeX", "AVX-512", nullptr) == "");
  CHECK(warning("Cooperlake", "AVX-512", "Cooperlake") == "");
  CHECK(warning("Haswell", "AVX2", nullptr) == "");
  CHECK(warning("Zen", "AVX2", "ZEN") == "");
  CHECK(warning("Sandybridge", "AVX", nullptr) == "");
  CHECK(warning("Nehalem", "SSE", nullptr) == "");
  CHECK(warning("SkylakeX", "AVX2", nullptr) == "");
  CHECK(warning("ARMV8", "SSE", nullptr) == "");
}

TEST_CASE("system: a warning names the kernels, the processor and the way out") {
  CHECK(warning("Haswell", "AVX-512", nullptr) ==
        "OpenBLAS runs its Haswell kernels (AVX2) on a processor that has AVX-512: start with "
        "OPENBLAS_CORETYPE=SkylakeX");
  CHECK(warning("Prescott", "AVX2", nullptr) ==
        "OpenBLAS runs its Prescott kernels (SSE) on a processor that has AVX2: start with "
        "OPENBLAS_CORETYPE=Haswell");
  CHECK(warning("Nehalem", "AVX", "") ==
        "OpenBLAS runs its Nehalem kernels (SSE) on a processor that has AVX: start with "
        "OPENBLAS_CORETYPE=Sandybridge");
}

TEST_CASE("system: where the environment is the reason, the warning says so") {
  for (const char* asked : {"Haswell", "HASWELL", "haswell"})
    CHECK(warning("Haswell", "AVX-512", asked) ==
          std::string("OpenBLAS runs its Haswell kernels (AVX2) on a processor that has AVX-512, "
                      "because OPENBLAS_CORETYPE is set to ") +
              asked + ": start without it");
  // OpenBLAS did not know the name, and chose by itself.
  CHECK(warning("Haswell", "AVX-512", "Zen5") ==
        "OpenBLAS runs its Haswell kernels (AVX2) on a processor that has AVX-512: start with "
        "OPENBLAS_CORETYPE=SkylakeX");
}

}  // namespace
}  // namespace espalier
