// What runs: asked of OpenBLAS, OpenMP, the compiler and the processor.
#include "core/system.h"

#include <cblas.h>
#include <strings.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <iterator>

#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

// Instruction sets that OpenBLAS has kernels for, weakest first.
enum Level { kSse, kAvx, kAvx2, kAvx512 };
constexpr const char* kLevelName[] = {"SSE", "AVX", "AVX2", "AVX-512"};
constexpr const char* kLevelKernels[] = {"Nehalem", "Sandybridge", "Haswell", "SkylakeX"};

// Kernel names from OpenBLAS's driver/others/dynamic.c; any other name on x86 is of the SSE kind.
Level kernel_level(const std::string& core) {
  const auto is_one_of = [&](std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), core) != names.end();
  };
  if (is_one_of({"SkylakeX", "Cooperlake", "SapphireRapids", "Sapphirerapids"})) return kAvx512;
  if (is_one_of({"Haswell", "Zen", "Excavator"})) return kAvx2;
  if (is_one_of({"Sandybridge", "Bulldozer", "Piledriver", "Steamroller"})) return kAvx;
  return kSse;
}

#if defined(__x86_64__)
Level cpu_level() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    return kAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return kAvx2;
  return __builtin_cpu_supports("avx") ? kAvx : kSse;
}
#else
Level cpu_level() { return kSse; }  // no levels told apart, so nothing to warn of
#endif

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

}  // namespace

System system_info() {
  return {openblas_get_corename(), openblas_get_config(), num_threads(), kLanes * 32, cpu_name(),
          kLevelName[cpu_level()]};
}

std::string describe() {
  const System system = system_info();
  return "OpenBLAS " + system.blas_core + ", " + std::to_string(system.threads) +
         (system.threads == 1 ? " thread, " : " threads, ") + std::to_string(system.vector_bits) +
         "-bit vectors";
}

std::string warning() {
  return warning(openblas_get_corename(), kLevelName[cpu_level()],
                 std::getenv("OPENBLAS_CORETYPE"));
}

std::string warning(const std::string& core, const std::string& cpu, const char* asked) {
  const Level kernels = kernel_level(core);
  const auto level = std::find(std::begin(kLevelName), std::end(kLevelName), cpu);
  const std::ptrdiff_t best = level == std::end(kLevelName) ? 0 : level - std::begin(kLevelName);
  if (kernels >= best) return "";
  const std::string found = "OpenBLAS runs its " + core + " kernels (" + kLevelName[kernels] +
                            ") on a processor that has " + cpu;
  // OpenBLAS ignores a name that it does not know: then the variable is not the reason.
  if (asked && strcasecmp(asked, core.c_str()) == 0)
    return found + ", because OPENBLAS_CORETYPE is set to " + asked + ": start without it";
  return found + ": start with OPENBLAS_CORETYPE=" + kLevelKernels[best];
}

}  // namespace espalier
