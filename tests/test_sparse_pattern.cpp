// Sparse patterns: made of masks, taken apart again, and refused where they make no sense.
#include <doctest/doctest.h>

#include "core/error.h"
#include "core/sparse_pattern.h"

using namespace espalier;

TEST_CASE("sparse pattern: a mask's positions, row by row") {
  const std::uint8_t kept[] = {0, 1, 0, 0, 0, 0, 1, 0, 1};
  const Pattern p = pattern_of({3, 3}, kept);
  CHECK(std::vector(p->row_starts().begin(), p->row_starts().end()) ==
        std::vector<std::uint32_t>{0, 1, 1, 3});
  CHECK(std::vector(p->columns().begin(), p->columns().end()) ==
        std::vector<std::uint32_t>{1, 0, 2});
  CHECK(p->density() == doctest::Approx(3.0 / 9));

  const Tensor dense = Tensor::from({3, 3}, std::vector<float>{9, 1, 9, 9, 9, 9, 2, 9, 3});
  const Tensor values = gather(dense, *p);
  CHECK(values.to_vector() == std::vector<float>{1, 2, 3});
  CHECK(scatter(values, *p).to_vector() == std::vector<float>{0, 1, 0, 0, 0, 0, 2, 0, 3});
}

TEST_CASE("sparse pattern: nothing, one and everything") {
  const std::vector<std::uint8_t> none(8, 0), all(8, 1);
  CHECK(pattern_of({2, 1, 2, 2}, none)->nonzero() == 0);
  CHECK(scatter(gather(Tensor::full({2, 1, 2, 2}, 7), *pattern_of({2, 1, 2, 2}, none)),
                *pattern_of({2, 1, 2, 2}, none))
            .to_vector() == std::vector<float>(8, 0));
  CHECK(pattern_of({2, 1, 2, 2}, all)->row_size() == 4);
}

TEST_CASE("sparse pattern: lists that do not fit are refused") {
  const auto made = [](std::vector<std::uint32_t> starts, std::vector<std::uint32_t> columns) {
    return SparsePattern({2, 3}, std::move(starts), std::move(columns));
  };
  CHECK_NOTHROW(made({0, 1, 3}, {2, 0, 1}));
  CHECK_THROWS_WITH_AS(made({0, 3}, {0, 1, 2}),
                       "sparse pattern: found 2 row starts, expected 3 for 2 rows", Error);
  CHECK_THROWS_AS(made({0, 4, 3}, {0, 1, 2}), Error);  // backwards, and out of range
  CHECK_THROWS_AS(made({1, 2, 3}, {0, 1, 2}), Error);  // does not begin at 0
  CHECK_THROWS_AS(made({0, 2, 4}, {0, 1, 2}), Error);  // ends beyond the columns
  CHECK_THROWS_AS(made({0, 4000000000u, 3}, {0, 1, 2}), Error);
  CHECK_THROWS_WITH_AS(made({0, 1, 3}, {0, 1, 3}),
                       "sparse pattern: found column 3 in row 1, expected less than 3", Error);
  CHECK_THROWS_AS(made({0, 1, 3}, {0, 1, 1}), Error);  // the same twice
  CHECK_THROWS_AS(made({0, 1, 3}, {0, 2, 1}), Error);  // falling
  CHECK_THROWS_AS(SparsePattern({6}, {0, 0}, {}), Error);
  CHECK_THROWS_AS(pattern_of({2, 3}, std::vector<std::uint8_t>(5, 1)), Error);
}
