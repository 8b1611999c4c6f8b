// The criteria fisher and obs against closed forms and finite differences.
#include "core/ops/loss.h"
#include "pruning/criteria/criterion.h"
#include "tests/test_pruning.h"

using namespace espalier;
using namespace espalier::pruning;
using namespace espalier::testing;

namespace {

using Doubles = std::vector<double>;

// dL/dz of softmax regression: the probabilities, less 1 at the label.
Doubles error_signal(const layers::Model& model, const float* x, std::int32_t label) {
  const Parameter w = model.parameter("fc.weight"), b = model.parameter("fc.bias");
  const std::int64_t outputs = w.size(0), inputs = w.size(1);
  Doubles p;
  double sum = 0;
  for (std::int64_t o = 0; o < outputs; ++o) {
    double z = b.data()[o];
    for (std::int64_t i = 0; i < inputs; ++i)
      z += static_cast<double>(w.data()[o * inputs + i]) * x[i];
    p.push_back(std::exp(z));
    sum += p.back();
  }
  for (double& value : p) value /= sum;
  p[label] -= 1;
  return p;
}

std::vector<Candidates> lists_of(const layers::Model& model, Structure structure) {
  return candidates(model, {.structure = structure});
}

// 1/2 mean of (dL/dg)^2 with L as it is when all these parameters' elements of a unit are g times
// what they are, by central differences. inner: elements a unit in each parameter.
double gate_score(const layers::Model& model, const std::vector<Examples>& batches,
                  const std::vector<std::string>& names, std::int64_t unit, std::int64_t units) {
  const auto losses = [&](double gate) {
    std::vector<std::vector<float>> before;
    for (const std::string& name : names) {
      Parameter p = model.parameter(name);
      before.push_back(p.to_vector());
      const std::int64_t inner = p.numel() / units;
      for (std::int64_t i = unit * inner; i < (unit + 1) * inner; ++i)
        p.mutable_data()[i] *= static_cast<float>(gate);
    }
    Doubles result;
    const NoGrad off;
    for (const Examples& batch : batches) {
      const std::vector<float> z = layers::outputs_of(model, batch.images).to_vector();
      const std::size_t classes = z.size() / batch.labels.size();
      for (std::size_t n = 0; n < batch.labels.size(); ++n) {
        double sum = 0;
        for (std::size_t c = 0; c < classes; ++c) sum += std::exp(z[n * classes + c]);
        result.push_back(std::log(sum) - z[n * classes + batch.labels[n]]);
      }
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      Parameter p = model.parameter(names[i]);
      std::copy(before[i].begin(), before[i].end(), p.mutable_data());
    }
    return result;
  };
  const double step = 1.0 / 256;
  const Doubles up = losses(1 + step), down = losses(1 - step);
  double sum = 0;
  for (std::size_t n = 0; n < up.size(); ++n)
    sum += std::pow((up[n] - down[n]) / (2 * step), 2) / 2 / static_cast<double>(up.size());
  return sum;
}

}  // namespace

TEST_CASE("fisher of weights is the mean of squared gradients of single pictures") {
  layers::Model model(layers::Sequential{{"fc", layers::Linear(7, 3)}}, {7}, 1);
  const auto batches = example_batches({7}, 3, {4, 1, 6}, 2);
  Evidence evidence(model, batches);
  const auto lists = lists_of(model, Structure::Weight);
  REQUIRE(lists.size() == 1);
  const Parameter w = model.parameter("fc.weight");
  for (const std::int64_t most : {9, 100}) {
    const Scores scores = fisher(most).score(lists, evidence)[0];
    Doubles squares(21, 0), sums(21, 0);
    double seen = 0;
    for (const Examples& batch : batches)
      for (std::int64_t n = 0; n < batch.images.size(0) && seen < static_cast<double>(most);
           ++n, ++seen) {
        const float* x = batch.images.data() + 7 * n;
        const Doubles d = error_signal(model, x, batch.labels[n]);
        for (std::size_t i = 0; i < 21; ++i) {
          squares[i] += std::pow(d[i / 7] * x[i % 7], 2);
          sums[i] += d[i / 7] * x[i % 7];
        }
      }
    CHECK(seen == std::min(most, std::int64_t{11}));
    for (std::size_t i = 0; i < 21; ++i) {
      const double half = 0.5 * std::pow(w.data()[i], 2);
      CHECK(scores[i] == doctest::Approx(half * squares[i] / seen).epsilon(1e-5));
      // Neither the squared gradient of the batch nor the last picture alone.
      CHECK(scores[i] > 1.01 * half * std::pow(sums[i] / seen, 2));
    }
  }
  CHECK_FALSE(w.grad().defined());
}

TEST_CASE("fisher of units, blocks and layers is that of their gate") {
  const layers::Model model = small_network(3);
  model.eval();
  const auto batches = example_batches({2, 6, 5}, 4, {3, 2}, 4);
  Evidence evidence(model, batches);
  SUBCASE("filters: of batch norm where there is one, else of weight and bias") {
    const auto lists = lists_of(model, Structure::Filter);
    REQUIRE(lists.size() == 2);
    const auto scores = fisher().score(lists, evidence);
    for (std::int64_t u = 0; u < 5; ++u)
      CHECK(scores[0][u] ==
            doctest::Approx(gate_score(model, batches, {"bn1.weight", "bn1.bias"}, u, 5))
                .epsilon(1e-3));
    for (std::int64_t u = 0; u < 3; ++u)
      CHECK(scores[1][u] ==
            doctest::Approx(gate_score(model, batches, {"conv2.weight", "conv2.bias"}, u, 3))
                .epsilon(1e-3));
  }
  SUBCASE("blocks of weights") {
    auto lists = candidates(
        model,
        {.structure = Structure::Block, .block_rows = 2, .block_columns = 36, .only = {"fc"}});
    REQUIRE(lists[0].count == 2);
    const auto scores = fisher().score(lists, evidence);
    for (std::int64_t u = 0; u < 2; ++u)
      CHECK(scores[0][u] ==
            doctest::Approx(gate_score(model, batches, {"fc.weight"}, u, 2)).epsilon(1e-3));
  }
}

TEST_CASE("fisher of a residual block is that of the gate at its end") {
  using namespace layers;
  Sequential main{{"conv1", Conv2d(3, 3, {.kernel = 3, .padding = 1, .bias = false})},
                  {"bn1", BatchNorm(3)},
                  {"relu1", ReLU()},
                  {"conv2", Conv2d(3, 3, {.kernel = 3, .padding = 1, .bias = false})},
                  {"bn2", BatchNorm(3)}};
  const Model model(Sequential{{"conv", Conv2d(2, 3, {.kernel = 3, .padding = 1})},
                               {"block", Residual(std::move(main))},
                               {"flatten", Flatten()},
                               {"fc", Linear(60, 4)}},
                    {2, 4, 5}, 5);
  unsettle_batch_norms(model, 6);
  model.eval();
  const auto batches = example_batches({2, 4, 5}, 4, {5}, 7);
  Evidence evidence(model, batches);
  const auto lists = lists_of(model, Structure::Layer);
  REQUIRE(lists[0].names == std::vector<std::string>{"block"});
  CHECK(fisher().score(lists, evidence)[0][0] ==
        doctest::Approx(gate_score(model, batches, {"block.bn2.weight", "block.bn2.bias"}, 0, 1))
            .epsilon(1e-3));
}

TEST_CASE("obs compensates, and leaves what is masked at exactly zero") {
  const ObsOptions options{.pictures = 12, .block = 10, .damping = 1e-3};
  struct Result {
    std::vector<Scores> scores;
    std::vector<std::vector<float>> weights;
  };
  std::vector<std::vector<std::uint8_t>> masks;
  const auto prune = [&](const ObsOptions& options, bool scored, bool dense) {
    const layers::Model model = small_network(8);
    const auto lists = lists_of(model, Structure::Weight);
    masks.clear();
    for (const Candidates& list : lists) {
      Parameter weight = list.members[0].parameter;
      masks.push_back(random_mask(weight.numel(), 9));
      weight.set_mask(masks.back());
      weight.set_dense_gradient(dense);
    }
    Evidence evidence(model, example_batches({2, 6, 5}, 4, {9, 14}, 10));
    const Criterion criterion = obs(options);
    Result result;
    if (scored) result.scores = criterion.score(lists, evidence);
    std::vector<Kept> kept;
    for (std::size_t l = 0; l < lists.size(); ++l) {
      kept.push_back(random_mask(lists[l].count, 11 + l));
      for (std::size_t i = 0; i < masks[l].size(); ++i) kept[l][i] &= masks[l][i];
    }
    const std::vector<float> before = lists[0].members[0].parameter.to_vector();
    criterion.compensate(lists, kept, evidence);
    for (std::size_t l = 0; l < lists.size(); ++l) {
      const Parameter& weight = lists[l].members[0].parameter;
      result.weights.push_back(weight.to_vector());
      CHECK(all_plus_zero(weight, kept[l]));
    }
    int moved = 0;
    for (std::size_t i = 0; i < before.size(); ++i)
      moved += kept[0][i] && before[i] != result.weights[0][i];
    CHECK(moved > 10);
    return result;
  };
  const Result result = prune(options, true, false);
  for (std::size_t l = 0; l < masks.size(); ++l)
    for (std::size_t i = 0; i < masks[l].size(); ++i) {
      CHECK((result.scores[l][i] == 0) == !masks[l][i]);
      CHECK(result.scores[l][i] >= 0);
    }
  CHECK(prune(options, false, false).weights == result.weights);  // nothing held from scoring
  ObsOptions little = options;
  little.memory = 15 * 10 * 10 * 4;  // of 37 blocks, 15 a pass: layers are cut
  const Result passes = prune(little, true, false);
  CHECK(passes.scores == result.scores);
  CHECK(passes.weights == result.weights);
  CHECK(prune(options, true, true).weights == result.weights);  // gradients behind the mask
}

TEST_CASE("obs keeps nothing of weights that have changed since they were scored") {
  const layers::Model model = small_network(12);
  const auto lists = lists_of(model, Structure::Weight);
  Evidence evidence(model, example_batches({2, 6, 5}, 4, {9}, 13));
  const Criterion criterion = obs({.pictures = 9, .block = 4});
  std::vector<Kept> kept;
  for (const Candidates& list : lists) kept.push_back(random_mask(list.count, 14));
  criterion.score(lists, evidence);
  std::vector<std::vector<float>> results;
  for (const bool fresh : {false, true}) {
    Parameter weight = lists[0].members[0].parameter;
    weight.copy_from(Tensor::from(weight.shape(), random_values(weight.numel(), 15)));
    for (std::size_t l = 1; l < lists.size(); ++l) {
      Parameter other = lists[l].members[0].parameter;
      other.copy_from(Tensor::from(other.shape(), random_values(other.numel(), 16)));
    }
    (fresh ? obs({.pictures = 9, .block = 4}) : criterion).compensate(lists, kept, evidence);
    results.push_back(weight.to_vector());
  }
  CHECK(results[0] == results[1]);
}

TEST_CASE("second-order scores are the same bits with one thread and with two") {
  // Without linear layers, whose products BLAS sums in an order that depends on the threads.
  using namespace layers;
  const Model model(Sequential{{"conv1", Conv2d(2, 65, {.kernel = 3})},
                               {"relu", ReLU()},
                               {"conv2", Conv2d(65, 121, {.kernel = 3, .bias = false})},
                               {"bn2", BatchNorm(121)},
                               {"conv3", Conv2d(121, 5, {.kernel = 1})},
                               {"pool", GlobalAvgPool()},
                               {"flatten", Flatten()}},
                    {2, 6, 5}, 17);
  Evidence evidence(model, example_batches({2, 6, 5}, 5, {3}, 18));
  const int before = num_threads();
  std::vector<std::vector<Scores>> weights, units, surgeon;
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    weights.push_back(fisher().score(lists_of(model, Structure::Weight), evidence));
    units.push_back(fisher().score(lists_of(model, Structure::Filter), evidence));
    surgeon.push_back(obs({.block = 5}).score(lists_of(model, Structure::Weight), evidence));
  }
  set_num_threads(before);
  CHECK(weights[0] == weights[1]);
  CHECK(units[0] == units[1]);
  CHECK(surgeon[0] == surgeon[1]);
}

TEST_CASE("second-order criteria say what they cannot do") {
  const layers::Model model = small_network(19);
  Evidence none(model), empty(model, {Examples{Tensor::zeros({0, 2, 6, 5}), {}}});
  const auto lists = lists_of(model, Structure::Weight);
  for (const Criterion& criterion : {fisher(), obs()}) {
    CHECK(criterion.needs_data);
    CHECK(error_of([&] { criterion.score(lists, none); }).find("found no pictures") !=
          std::string::npos);
    CHECK(error_of([&] { criterion.score(lists, empty); }).find("without pictures") !=
          std::string::npos);
  }
  CHECK(obs().rounds == 4);
  for (const Structure s : {Block, Neuron, Filter, Structure::Layer})
    CHECK_FALSE(obs().refuses(s).empty());
  for (const Structure s : {Weight, NM}) CHECK(obs().refuses(s).empty());
  CHECK(error_of([&] { obs().score(lists_of(model, Structure::Filter), none); }) ==
        "criterion obs: found filter, expected weight or n:m");
  CHECK(error_of([] { fisher(0); }).find("found 0 pictures") != std::string::npos);
  CHECK(error_of([] { obs({.block = 0}); }).find("blocks of 0") != std::string::npos);
  CHECK(error_of([] { obs({.damping = 0}); }).find("damping 0") != std::string::npos);
}
