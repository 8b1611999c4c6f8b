// A criterion of one's own, judged against the engine's: which filters of the ConvNet would go
// first if a filter counted by its largest weight? Prints both choices for the first layer.
#include <espalier.h>

#include <cstdio>

using namespace espalier;

int main() try {
  // A filter is worth its largest weight.
  auto largest = pruning::criterion("largest", [](const pruning::Candidates& filters) {
    pruning::Scores score(filters.count);
    filters.each([&](const pruning::Member& member, auto i, auto filter) {
      if (member.part != pruning::Part::Weight) return;
      score[filter] = std::max<double>(score[filter], std::abs(member.parameter.data()[i]));
    });
    return score;
  });

  for (const pruning::Criterion& criterion : {largest, pruning::magnitude()}) {
    auto model = layers::ConvNet(10);
    pruning::prune(model, {.structure = pruning::Filter, .criterion = criterion}, 0.5);
    std::printf("%s:", criterion.name.c_str());
    const auto kept = pruning::kept(pruning::candidates(model, {.structure = pruning::Filter})[0]);
    for (std::size_t filter = 0; filter < kept.size(); ++filter)
      if (!kept[filter]) std::printf(" %zu", filter);
    std::printf("\n");
  }
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
