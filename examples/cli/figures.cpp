// Figures as JSON and as text.
#include "examples/cli/figures.h"

#include <cstdio>

#include "core/text.h"
#include "examples/cli/colour.h"

namespace espalier::cli {

Json json_of(const Evaluation& evaluation, const Size& size) {
  Json json{{"accuracy", evaluation.accuracy()},
            {"accuracy_deviation", evaluation.deviation()},
            {"loss", evaluation.loss},
            {"images", evaluation.images}};
  json.update(json_of(size));
  return json;
}

std::string text_of(const Evaluation& evaluation, const Size& size) {
  char loss[32];
  std::snprintf(loss, sizeof loss, "%.4f", evaluation.loss);
  return "accuracy " + paint(Style::Bold, evaluation.str()) + " of " +
         with_commas(evaluation.images) + " pictures, loss " + loss + "\n" + text_of(size);
}

}  // namespace espalier::cli
