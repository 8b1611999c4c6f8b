// Suggest: distances between words.
#include "examples/cli/suggest.h"

#include <algorithm>
#include <cstdlib>

namespace espalier::cli {

int edit_distance(const std::string& a, const std::string& b) {
  const std::size_t rows = a.size() + 1, columns = b.size() + 1;
  std::vector<std::vector<int>> d(rows, std::vector<int>(columns));
  for (std::size_t i = 0; i < rows; ++i) d[i][0] = static_cast<int>(i);
  for (std::size_t j = 0; j < columns; ++j) d[0][j] = static_cast<int>(j);
  for (std::size_t i = 1; i < rows; ++i)
    for (std::size_t j = 1; j < columns; ++j) {
      const int changed = a[i - 1] != b[j - 1];
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + changed});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d.back().back();
}

std::string did_you_mean(const std::string& found, const std::vector<std::string>& words) {
  // A third of the letters may be wrong; more is another word.
  const auto most = static_cast<std::ptrdiff_t>(std::max<std::size_t>(found.size() / 3, 1));
  const std::string* best = nullptr;
  std::ptrdiff_t least = most + 1;
  for (const std::string& word : words) {
    if (std::abs(std::ssize(found) - std::ssize(word)) >= least) continue;
    const int distance = edit_distance(found, word);
    if (distance >= least) continue;
    best = &word;
    least = distance;
  }
  return best ? "; did you mean " + *best + "?" : "";
}

std::string listed(const std::vector<std::string>& words) {
  constexpr std::size_t kFew = 6;
  std::string text = words.size() > kFew ? "one of " : "";
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() && words.size() <= kFew ? " or " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace espalier::cli
