// Figures as JSON and as text.
#include "examples/cli/report.h"

#include <cstdio>

#include "core/text.h"
#include "examples/cli/console.h"

namespace espalier::cli {

Json json_of(const Evaluation& evaluation, const layers::Summary& summary, std::int64_t bytes) {
  return {{"accuracy", evaluation.accuracy()},
          {"accuracy_deviation", evaluation.deviation()},
          {"loss", evaluation.loss},
          {"images", evaluation.images},
          {"parameters", summary.total.parameters},
          {"nonzero", summary.total.nonzero},
          {"macs", summary.total.macs.dense},
          {"macs_nonzero", summary.total.macs.nonzero},
          {"bytes", bytes}};
}

std::string text_of(const Evaluation& evaluation, const layers::Summary& summary,
                    std::int64_t bytes) {
  char loss[32];
  std::snprintf(loss, sizeof loss, "%.4f", evaluation.loss);
  return "accuracy " + evaluation.str() + " of " + with_commas(evaluation.images) +
         " pictures, loss " + loss + "\n" + with_commas(summary.total.parameters) +
         " parameters, " + with_commas(summary.total.nonzero) + " of them not zero; " +
         with_commas(summary.total.macs.dense) + " multiply-adds an image; " + with_commas(bytes) +
         " bytes";
}

}  // namespace espalier::cli
