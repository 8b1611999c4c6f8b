// Cross-entropy of a softmax. The largest logit of an image is subtracted before the exponential,
// so that nothing overflows; the way back computes the softmax again from two numbers an image.
#include "core/ops/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/ops/map.h"

namespace espalier {
namespace {

using Labels = std::vector<std::int32_t, PoolAllocator<std::int32_t>>;

// Where logit k of an image lies: at k * class_step + image * image_step.
struct Logits {
  std::int64_t images, classes, class_step, image_step;
  std::int64_t places;  // images and padding lanes

  explicit Logits(const Tensor& x) : images(x.size(0)), classes(x.size(1)) {
    places = x.storage_size() / classes;
    class_step = x.layout().plain() ? 1 : places;
    image_step = x.layout().plain() ? classes : 1;
  }
};

// What the way back needs of an image.
struct Softmax {
  float largest;      // logit
  float inverse_sum;  // of exp(logit - largest)
};
using Softmaxes = std::vector<Softmax, PoolAllocator<Softmax>>;

// body(first, last) on ranges of images that are worth a thread.
template <class Body>
void for_images(std::int64_t images, std::int64_t classes, const Body& body) {
  constexpr std::int64_t kWork = 1 << 12;  // exponentials
  parallel_ranges(images, kWork / classes + 1, body);
}

void check_arguments(const Tensor& logits, std::span<const std::int32_t> labels, float smoothing) {
  const Shape& s = logits.shape();
  if (s.rank() != 2 || s[0] == 0 || s[1] == 0)
    fail("cross_entropy: found logits of shape ", s.str(),
         ", expected [N, K] with at least one image and one class");
  check(static_cast<std::int64_t>(labels.size()) == s[0], "cross_entropy: found ", labels.size(),
        " labels, expected ", s[0], ", one an image");
  check(smoothing >= 0 && smoothing < 1, "cross_entropy: found a label smoothing of ", smoothing,
        ", expected 0 or more and less than 1");
  for (std::size_t i = 0; i < labels.size(); ++i)
    check(labels[i] >= 0 && labels[i] < s[1], "cross_entropy: found label ", labels[i],
          " of image ", i, ", expected 0 to ", s[1] - 1);
}

// The loss of one image; z are its logits.
double loss_of(const float* z, const Logits& s, std::int32_t label, double smoothing,
               Softmax& softmax) {
  float largest = -std::numeric_limits<float>::infinity();
  double total = 0, sum = 0;
  for (std::int64_t k = 0; k < s.classes; ++k) {
    const float logit = z[k * s.class_step];
    largest = std::max(largest, logit);
    total += logit;
  }
  for (std::int64_t k = 0; k < s.classes; ++k) sum += std::exp(z[k * s.class_step] - largest);
  softmax = {largest, static_cast<float>(1 / sum)};
  const double log_sum = largest + std::log(sum);
  const double loss = log_sum - z[label * s.class_step];
  if (smoothing == 0) return loss;  // a logit of minus infinity may stand elsewhere
  const double even = log_sum - total / static_cast<double>(s.classes);
  return (1 - smoothing) * loss + smoothing * even;
}

}  // namespace

Tensor cross_entropy(const Tensor& x, std::span<const std::int32_t> given,
                     const CrossEntropyOptions& options) {
  check_arguments(x, given, options.label_smoothing);
  const Logits s(x);
  Labels labels(given.begin(), given.end());
  Softmaxes softmaxes(given.size());
  std::vector<double, PoolAllocator<double>> losses(given.size());
  for_images(s.images, s.classes, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      losses[i] =
          loss_of(x.data() + i * s.image_step, s, labels[i], options.label_smoothing, softmaxes[i]);
  });
  double sum = 0;
  for (const double loss : losses) sum += loss;
  const Tensor y = Tensor::scalar(static_cast<float>(sum / static_cast<double>(s.images)));

  return record(Op::CrossEntropy, y, {x},
                [x, s, labels = std::move(labels), softmaxes = std::move(softmaxes),
                 smoothing = options.label_smoothing](const Tensor& dy) {
                  const GradOut dx = grad_out(x);
                  if (!dx) return;
                  const float scale = dy.item() / static_cast<float>(s.images);
                  const float even = smoothing / static_cast<float>(s.classes);
                  for_images(s.places, s.classes, [&](std::int64_t begin, std::int64_t end) {
                    for (std::int64_t k = 0; k < s.classes; ++k)
                      for (std::int64_t i = begin; i < end; ++i) {
                        const std::int64_t at = k * s.class_step + i * s.image_step;
                        float value = 0;  // of padding lanes
                        if (i < s.images) {
                          const Softmax& softmax = softmaxes[i];
                          const float probability =
                              std::exp(x.data()[at] - softmax.largest) * softmax.inverse_sum;
                          const float target = even + (k == labels[i] ? 1 - smoothing : 0);
                          value = scale * (probability - target);
                        }
                        dx.data[at] = dx.add ? dx.data[at] + value : value;
                      }
                  });
                });
}

}  // namespace espalier
