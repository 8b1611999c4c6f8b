// Dataset: the statistics of its pictures, whether its parts fit together, and a split of it.
#include "datasets/dataset.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "core/error.h"
#include "core/rng.h"

namespace espalier::datasets {
namespace {

// Sums of n bytes and of their squares, in 32 bits while they fit, which is four times as fast.
struct Sums {
  std::uint64_t plain = 0, squares = 0;

  void add(const std::uint8_t* bytes, std::int64_t n) {
    constexpr std::int64_t kPart = 65536;  // 65536 * 255^2 < 2^32
    for (std::int64_t begin = 0; begin < n; begin += kPart) {
      const std::int64_t end = std::min(begin + kPart, n);
      std::uint32_t part = 0, part_squares = 0;
      for (std::int64_t i = begin; i < end; ++i) {
        const std::uint32_t byte = bytes[i];
        part += byte;
        part_squares += byte * byte;
      }
      plain += part;
      squares += part_squares;
    }
  }
};

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

std::string skipped_text(const Skipped& skipped) {
  std::vector<std::pair<std::string, std::int64_t>> sorted(skipped.begin(), skipped.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::int64_t all = 0;
  std::string list;
  for (const auto& [why, count] : sorted) {
    all += count;
    list += (list.empty() ? ": " : ", ") + std::to_string(count) + " " + why;
  }
  return all == 0 ? "" : std::to_string(all) + (all == 1 ? " file" : " files") + " skipped" + list;
}

void reserve_images(Dataset& data, std::int64_t count, const std::string& who) {
  try {
    data.images.reserve(data.images.size() + static_cast<std::size_t>(count * data.picture_size()));
    data.labels.reserve(data.labels.size() + static_cast<std::size_t>(count));
  } catch (const std::exception&) {  // bad_alloc, or length_error
    fail(who, ": no memory for ", count, " images of ", data.channels, "x", data.height, "x",
         data.width);
  }
}

Normalisation normalisation(const Dataset& data) {
  check_dataset(data, "normalisation");
  const std::int64_t area = std::int64_t{data.height} * data.width;
  Normalisation result;
  for (int c = 0; c < data.channels; ++c) {
    Sums sums;
    for (std::int64_t i = 0; i < data.size(); ++i) sums.add(data.picture(i) + c * area, area);
    // var = (n sum x^2 - (sum x)^2) / n^2; the difference is exact, so no contrast is exactly 0.
    using Wide = unsigned __int128;
    const double n = static_cast<double>(data.size() * area);
    const auto spread = static_cast<double>(static_cast<Wide>(data.size() * area) * sums.squares -
                                            static_cast<Wide>(sums.plain) * sums.plain);
    result.mean.push_back(static_cast<float>(static_cast<double>(sums.plain) / n / 255));
    result.std.push_back(spread == 0 ? 1.0f : static_cast<float>(std::sqrt(spread) / n / 255));
  }
  return result;
}

void normalise_alike(Data& data) {
  if (data.train.size() > 0) data.test.normalisation = normalisation(data.train);
}

void check_dataset(const Dataset& data, const std::string& who) {
  check(data.size() > 0, who, ": found a data set without pictures, expected at least one");
  check(data.channels > 0 && data.height > 0 && data.width > 0, who, ": found pictures of ",
        data.channels, "x", data.height, "x", data.width, ", expected at least 1x1x1");
  check(data.images.size() == static_cast<std::size_t>(data.size() * data.picture_size()), who,
        ": found ", data.images.size(), " bytes for ", data.size(), " labelled pictures, expected ",
        data.size() * data.picture_size());
  const auto classes = static_cast<std::int32_t>(data.classes.size());
  for (std::int64_t i = 0; i < data.size(); ++i)
    check(data.labels[i] >= 0 && data.labels[i] < classes, who, ": found label ", data.labels[i],
          " of picture ", i, ", expected 0 to ", classes - 1, ", for ", classes, " classes");
}

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
