// Fingerprint: counting and hashing.
#include "datasets/fingerprint.h"

#include <algorithm>
#include <span>

#include "core/hash.h"
#include "core/shape.h"

namespace espalier::datasets {
namespace {

void add(Hash& hash, const Dataset& data) {
  constexpr std::int64_t kImages = 256;
  hash.add(std::as_bytes(std::span(data.labels)));
  const std::int64_t count = std::min(kImages, data.size());
  for (std::int64_t i = 0; i < count; ++i)
    hash.add(std::as_bytes(std::span(data.picture(i * data.size() / count),
                                     static_cast<std::size_t>(data.picture_size()))));
}

std::string found(const std::string& what, const std::string& expected) {
  return "found " + what + ", expected " + expected;
}

}  // namespace

Fingerprint fingerprint(const Data& data) {
  Hash hash;
  add(hash, data.train);
  add(hash, data.test);
  return {.train_images = data.train.size(),
          .test_images = data.test.size(),
          .shape = {data.train.channels, data.train.height, data.train.width},
          .classes = static_cast<std::int64_t>(data.train.classes.size()),
          .hash = hash.str()};
}

std::string difference(const Fingerprint& now, const Fingerprint& then) {
  using std::to_string;
  if (now.train_images != then.train_images)
    return found(to_string(now.train_images) + " images to train on", to_string(then.train_images));
  if (now.test_images != then.test_images)
    return found(to_string(now.test_images) + " images to test on", to_string(then.test_images));
  if (now.shape != then.shape)
    return found("images of " + Shape(now.shape).str(), Shape(then.shape).str());
  if (now.classes != then.classes)
    return found(to_string(now.classes) + " classes", to_string(then.classes));
  if (now.hash != then.hash)
    return found("images or labels of hash " + now.hash, "those of hash " + then.hash);
  return "";
}

}  // namespace espalier::datasets
