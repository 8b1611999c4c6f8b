// Split: shuffles each class by itself and takes its first pictures.
#include "datasets/split.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"

namespace espalier::datasets {
namespace {

// For each picture, whether it is taken. Of the first k classes together, the share is met to half
// a picture, so that rounding cannot add up over many small classes.
std::vector<char> choose(const Dataset& data, double share, std::uint64_t seed) {
  std::vector<std::vector<std::int64_t>> of_class(data.classes.size());
  for (std::int64_t i = 0; i < data.size(); ++i) of_class[data.labels[i]].push_back(i);
  std::vector<char> taken(data.labels.size(), 0);
  std::int64_t seen = 0, out = 0;
  for (std::size_t label = 0; label < of_class.size(); ++label) {
    auto& members = of_class[label];
    Rng rng = Rng(seed).split(label);
    rng.shuffle(members.data(), static_cast<std::uint32_t>(members.size()));
    seen += static_cast<std::int64_t>(members.size());
    const std::int64_t wanted = std::llround(share * static_cast<double>(seen)) - out;
    for (std::int64_t i = 0; i < wanted; ++i) taken[members[i]] = 1;
    out += wanted;
  }
  return taken;
}

}  // namespace

Dataset split_validation(Dataset& train, double share, std::uint64_t seed) {
  check_dataset(train, "split_validation");
  check(share > 0 && share < 1, "split_validation: found the share ", share,
        ", expected a number between 0 and 1");
  const std::vector<char> taken = choose(train, share, seed);
  const auto count = std::count(taken.begin(), taken.end(), 1);
  check(count > 0 && count < train.size(), "split_validation: the share ", share, " of ",
        train.size(), " pictures is ", count, ", expected some and not all");

  Dataset part = {.channels = train.channels,
                  .height = train.height,
                  .width = train.width,
                  .images = {},
                  .labels = {},
                  .classes = train.classes};
  const std::int64_t size = train.picture_size();
  reserve_images(part, count, "split_validation");
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < train.size(); ++i) {
    const std::uint8_t* picture = train.picture(i);
    if (taken[i]) {
      part.images.insert(part.images.end(), picture, picture + size);
      part.labels.push_back(train.labels[i]);
    } else {  // closes the gap
      if (kept != i) std::copy(picture, picture + size, train.images.data() + kept * size);
      train.labels[kept++] = train.labels[i];
    }
  }
  train.images.resize(static_cast<std::size_t>(kept * size));
  train.labels.resize(static_cast<std::size_t>(kept));
  part.normalisation = normalisation(train);
  return part;
}

}  // namespace espalier::datasets
