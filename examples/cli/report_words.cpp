// Numbers in words.
#include "examples/cli/report_words.h"

#include <cmath>
#include <cstdio>

#include "core/text.h"

namespace espalier::cli {
namespace {

template <class... Values>
std::string format(const char* pattern, const Values&... values) {
  char text[120];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

double ratio(std::int64_t a, std::int64_t b) {
  return static_cast<double>(a) / static_cast<double>(std::max<std::int64_t>(b, 1));
}

// "90 %", "89.7 %": no digit that says nothing, and never 100 where something is left.
std::string short_share(double share) {
  const double tenths = std::floor(1000 * share + 0.5) / 10;
  return tenths == std::floor(tenths) && (tenths < 100 || share >= 1)
             ? format("%.0f %%", tenths)
             : format(tenths >= 100 ? "%.2f %%" : "%.1f %%", 100 * share);
}

std::string weights_gone(const ReportFile& file, bool say_of_which) {
  return short_share(file.gone()) + " of the " + (say_of_which ? "original network's " : "") +
         "weights gone";
}

std::string with_capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

}  // namespace

std::string percent_text(double share, int digits) {
  return format("%.*f %%", digits, 100 * share);
}

std::string bytes_text(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1'000'000) return format("%.2f MB", value * 1e-6);
  if (bytes >= 1'000) return format("%.1f kB", value * 1e-3);
  return std::to_string(bytes) + " bytes";
}

std::string count_text(std::int64_t count) {
  return count >= 1'000'000 ? format("%.2f million", static_cast<double>(count) * 1e-6)
                            : with_commas(count);
}

std::string ms_text(double milliseconds) {
  return format(milliseconds >= 100  ? "%.0f ms"
                : milliseconds >= 10 ? "%.1f ms"
                                     : "%.2f ms",
                milliseconds);
}

std::string ratio_text(double ratio) {
  return format(ratio >= 10       ? "%.0f"
                : ratio >= 1      ? "%.1f"
                : ratio >= 0.0995 ? "%.2f"
                                  : "%.3f",
                ratio);
}

double ms_of(const BatchSpeed& speed, bool training) {
  const double rate = training ? speed.training : speed.inference;
  return rate > 0 ? 1000 * speed.batch / rate : 0;
}

std::string accuracy_text(const ReportFile& file) {
  if (!file.accuracy) return "";
  const auto deviation = file.deviation();
  return deviation ? format("%.2f ± %.2f %%", 100 * *file.accuracy, 100 * *deviation)
                   : percent_text(*file.accuracy, 2);
}

std::vector<std::string> headline_parts(const ReportFacts& facts) {
  const ReportFile &first = facts.first(), &last = facts.last();
  std::vector<std::string> parts;
  const auto add = [&](const std::string& part) { parts.push_back(part); };
  if (facts.files.size() == 1) {
    add(with_capital(last.network.empty() ? last.name : last.network));
    if (last.gone() > 0.0005) add(weights_gone(last, last.kind == "compact"));
    if (last.accuracy) add(percent_text(*last.accuracy) + " right");
    add(bytes_text(last.bytes));
    return parts;
  }
  // The other figures are held to the first network.
  add(weights_gone(last, first.gone() > 0.0005));
  if (first.accuracy && last.accuracy && first.evaluated_on == last.evaluated_on) {
    // Rounded, a small difference might look like a larger one.
    const int digits = std::abs(*first.accuracy - *last.accuracy) < 0.01 ? 2 : 1;
    add("accuracy " + percent_text(*first.accuracy, digits) + " → " +
        percent_text(*last.accuracy, digits));
  }
  // Where masks alone have gone on, the same work is done, and a difference would be noise.
  if (first.speed && last.speed && first.macs_run != last.macs_run) {
    const double faster = last.speed->inference / first.speed->inference;
    // A difference of a few hundredths is the machine's, not the network's.
    add(std::abs(faster - 1) < 0.05 ? "as fast as before"
        : faster > 1                ? ratio_text(faster) + "× faster"
                                    : "only " + ratio_text(faster) + "× as fast");
  }
  const double bytes = ratio(last.bytes, first.bytes);
  add(ratio_text(bytes) + (bytes < 1 ? " of the bytes" : "× the bytes"));
  return parts;
}

std::string headline(const ReportFacts& facts) {
  std::string text;
  for (const std::string& part : headline_parts(facts)) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string subline(const ReportFacts& facts) {
  const ReportFile &first = facts.first(), &last = facts.last();
  std::string text = last.network.empty() ? std::string("A network") : last.network;
  if (!last.log.data.empty()) text += " on " + last.log.data;
  if (last.accuracy && last.evaluated_on != last.log.data)
    text += ", evaluated on " + last.evaluated_on;
  text += ": ";
  if (facts.files.size() == 1) return text + count_text(last.parameters) + " parameters.";
  text += bytes_text(first.bytes) + " → " + bytes_text(last.bytes) + " on disk, " +
          count_text(first.macs_run) + " → " + count_text(last.macs_run) +
          " multiply-adds a picture";
  if (first.speed && last.speed)
    text += ", " + ms_text(ms_of(*first.speed)) + " → " + ms_text(ms_of(*last.speed)) + " for " +
            std::to_string(facts.batch) + " pictures, measured by turns";
  return text + ".";
}

}  // namespace espalier::cli
