// Counting right answers, where the logits lie: no copy is made.
#include "core/ops/accuracy.h"

#include "core/error.h"

namespace espalier {

std::int64_t count_correct(const Tensor& logits, std::span<const std::int32_t> labels) {
  const Shape& s = logits.shape();
  check(s.rank() == 2 && s[0] == static_cast<std::int64_t>(labels.size()),
        "count_correct: found logits of shape ", s.str(), ", expected [", labels.size(),
        ", classes]");
  // Strides of the two layouts that features have.
  const bool plain = logits.layout().plain();
  const std::int64_t classes = s[1], image_step = plain ? classes : 1,
                     class_step = plain ? 1 : planes_of(nullptr, s, logits.layout()).channel_stride;
  const float* values = logits.data();
  std::int64_t correct = 0;
  for (std::int64_t n = 0; n < s[0]; ++n) {
    const float* row = values + n * image_step;
    std::int64_t best = 0;
    bool number = true;
    for (std::int64_t k = 0; k < classes; ++k) {
      const float value = row[k * class_step];
      number = number && value == value;
      if (value > row[best * class_step]) best = k;
    }
    correct += number && best == labels[n];
  }
  return correct;
}

}  // namespace espalier
