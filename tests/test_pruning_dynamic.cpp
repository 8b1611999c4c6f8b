// Dynamic sparse training, rewinding, and batch-norm statistics.
#include "core/ops/loss.h"
#include "optim/optim.h"
#include "pruning/dynamic.h"
#include "pruning/pruner.h"
#include "pruning/rewind.h"
#include "tests/test_pruning.h"

using namespace espalier;
using namespace espalier::pruning;
using namespace espalier::testing;

namespace {

using Values = std::vector<float>;

std::vector<Candidates> weights_of(const layers::Model& model) {
  return candidates(model, {.structure = Structure::Weight});
}

std::vector<std::uint8_t> mask_of(const Parameter& p) { return {p.mask(), p.mask() + p.numel()}; }

std::int64_t ones(const std::vector<std::uint8_t>& mask) {
  return std::count(mask.begin(), mask.end(), 1);
}

void backward(const layers::Model& model, const Examples& batch) {
  cross_entropy(layers::outputs_of(model, batch.images), batch.labels).backward();
}

void take_steps(const layers::Model& model, int count, std::uint64_t seed) {
  optim::SGD optimizer(model, {.lr = 0.05, .momentum = 0.9});
  for (const Examples& batch :
       example_batches({2, 6, 5}, 4, std::vector<int>(static_cast<std::size_t>(count), 5), seed)) {
    backward(model, batch);
    optimizer.step();
  }
}

// Everything that training changes.
std::vector<Values> everything(const layers::Model& model) {
  std::vector<Values> values;
  for (const Parameter& p : model.parameters()) values.push_back(p.to_vector());
  for (const auto& [name, tensor] : model.buffers()) values.push_back(tensor.to_vector());
  return values;
}

}  // namespace

TEST_CASE("masks at random have the sparsity that was asked, layer by layer") {
  std::vector<std::vector<std::uint8_t>> masks;
  for (const std::uint64_t seed : {1, 1, 2}) {
    const layers::Model model = small_network(1);
    const auto lists = weights_of(model);
    set_masks_at_random(lists, std::vector<double>{0, 0.9, 0.999}, seed);
    CHECK(ones(mask_of(model.parameter("conv1.weight"))) == 90);
    CHECK(ones(mask_of(model.parameter("conv2.weight"))) == 135 - 122);  // round(121.5)
    CHECK(ones(mask_of(model.parameter("fc.weight"))) == 1);             // never all
    masks.push_back(mask_of(model.parameter("conv2.weight")));
    CHECK(error_of([&] {
            set_masks_at_random(lists, std::vector<double>{0, 0, 0}, 3);
          }) == "masks at random: found a mask on conv1 already, expected none");
  }
  CHECK(masks[0] == masks[1]);
  CHECK(masks[0] != masks[2]);
}

TEST_CASE("Erdos-Renyi-kernel shares out exactly what uniform sparsity would") {
  const layers::Model model(
      layers::Sequential{{"conv", layers::Conv2d(3, 4, {.kernel = 3, .padding = 1})},
                         {"flatten", layers::Flatten()},
                         {"fc1", layers::Linear(400, 50)},
                         {"fc2", layers::Linear(50, 10)}},
      {3, 10, 10});
  const auto lists = weights_of(model);
  const auto gone = [&](const std::vector<double>& sparsities) {
    double sum = 0;
    for (std::size_t l = 0; l < lists.size(); ++l)
      sum += sparsities[l] * static_cast<double>(lists[l].count);
    return sum / (108 + 20000 + 500);
  };
  CHECK(layer_sparsities(lists, 0.7, Distribution::Uniform) ==
        std::vector<double>(3, 1 - (1 - 0.7)));
  const auto high = layer_sparsities(lists, 0.99, Distribution::ErdosRenyiKernel);
  CHECK(gone(high) == doctest::Approx(0.99));
  // No layer is full: densities in proportion to (4 + 3 + 3 + 3) / 108, 450 / 20000, 60 / 500.
  CHECK((1 - high[0]) / (1 - high[1]) == doctest::Approx(13.0 / 108 / (450.0 / 20000)));
  CHECK((1 - high[2]) / (1 - high[1]) == doctest::Approx(60.0 / 500 / (450.0 / 20000)));
  const auto low = layer_sparsities(lists, 0.5, Distribution::ErdosRenyiKernel);
  CHECK(gone(low) == doctest::Approx(0.5));
  CHECK(low[0] == 0);  // would have more than all its weights
  CHECK(low[2] == 0);
  for (const double share : layer_sparsities(lists, 0, Distribution::ErdosRenyiKernel))
    CHECK(share == doctest::Approx(0));
  CHECK(error_of([&] { layer_sparsities(lists, 1, Distribution::Uniform); }) ==
        "sparsity: found 1, expected a number in [0, 1)");
}

TEST_CASE("RigL keeps densities, drops small weights and grows where the gradient is large") {
  const layers::Model model = small_network(4);
  const auto lists = weights_of(model);
  set_masks_at_random(lists, std::vector<double>{0.5, 0.8, 0.6}, 5);
  take_steps(model, 3, 6);
  std::vector<Values> before, gradients, momenta;
  std::vector<std::vector<std::uint8_t>> masks;
  std::int64_t dropped = 0;
  {
    const DenseGradients dense(lists);
    backward(model, example_batches({2, 6, 5}, 4, {7}, 7)[0]);
    for (const Candidates& list : lists) {
      Parameter w = list.members[0].parameter;
      momenta.push_back(w.state("momentum").to_vector());
      before.push_back(w.to_vector());
      gradients.push_back(w.grad().to_vector());
      masks.push_back(mask_of(w));
    }
    dropped = regrow(lists, {.fraction = 0.25});
  }
  std::int64_t expected = 0;
  for (std::size_t l = 0; l < lists.size(); ++l) {
    CAPTURE(lists[l].name);
    Parameter w = lists[l].members[0].parameter;
    const auto mask = mask_of(w);
    const Values after = w.to_vector(), momentum = w.state("momentum").to_vector();
    const std::int64_t kept = ones(masks[l]),
                       count = std::llround(0.25 * static_cast<double>(kept));
    expected += count;
    CHECK(ones(mask) == kept);
    // What survives: the largest, by a plain sort; and they are as they were.
    std::vector<float> sizes;
    for (std::size_t i = 0; i < mask.size(); ++i)
      if (masks[l][i]) sizes.push_back(std::abs(before[l][i]));
    std::sort(sizes.begin(), sizes.end());
    const float limit = sizes[count - 1];
    std::vector<float> grown, not_grown;
    for (std::size_t i = 0; i < mask.size(); ++i) {
      const bool survives = masks[l][i] && std::abs(before[l][i]) > limit;
      if (survives) {
        CHECK(mask[i] == 1);
        CHECK(after[i] == before[l][i]);
        CHECK(momentum[i] == momenta[l][i]);
        continue;
      }
      CHECK(after[i] == 0);
      CHECK(momentum[i] == 0);
      CHECK_FALSE(std::signbit(after[i]));
      (mask[i] ? grown : not_grown).push_back(std::abs(gradients[l][i]));
    }
    REQUIRE(static_cast<std::int64_t>(grown.size()) == count);
    CHECK(*std::min_element(grown.begin(), grown.end()) >=
          *std::max_element(not_grown.begin(), not_grown.end()));
    CHECK(*std::min_element(grown.begin(), grown.end()) > 0);
    CHECK_FALSE(w.dense_gradient());
    CHECK(all_plus_zero(w.grad(), mask));
  }
  CHECK(dropped == expected);
  // New weights train.
  take_steps(model, 1, 8);
  for (const Candidates& list : lists) {
    const Parameter& w = list.members[0].parameter;
    CHECK(all_plus_zero(w, mask_of(w)));
  }
}

TEST_CASE("regrowth of equal weights and gradients takes the first, and no more than is masked") {
  Parameter w(Tensor::full({8}, 1), "w");
  w.set_mask(std::vector<std::uint8_t>{1, 1, 1, 1, 1, 1, 0, 0});
  const std::vector<Candidates> lists = {
      {.name = "w", .count = 8, .members = {{.parameter = w, .layer = "w", .extent = 8}}}};
  const DenseGradients dense(lists);
  set_gradient(w, Values{0, 0, 2, 2, 2, 2, 2, 2});
  CHECK(regrow(lists, {.fraction = 1}) == 2);  // two are masked; 0 and 1 go, 6 and 7 come
  CHECK(mask_of(w) == std::vector<std::uint8_t>{0, 0, 1, 1, 1, 1, 1, 1});
  CHECK(w.to_vector() == Values{0, 0, 1, 1, 1, 1, 0, 0});
  CHECK(regrow(lists, {.fraction = 0}) == 0);
  w.zero_grad();
  CHECK(error_of([&] { regrow(lists, {}); }) ==
        "regrow: found no dense gradient of w, expected a backward pass under DenseGradients");
  set_gradient(w, Values{0, 0, 0, 0, 0, 0, 0, NAN});
  CHECK(error_of([&] { regrow(lists, {}); }).find("gradient of w that is no number") !=
        std::string::npos);
  CHECK(error_of([&] { regrow(lists, {.fraction = 1.5}); }) ==
        "fraction to regrow: found 1.5, expected a number in [0, 1]");
  w.clear_mask();
  CHECK(regrow(lists, {.fraction = 1}) == 0);  // a dense layer has nowhere to grow
}

TEST_CASE("SET grows at random: another seed, other weights; the same seed, the same") {
  std::vector<std::vector<std::uint8_t>> masks;
  for (const std::uint64_t seed : {1, 1, 2}) {
    const layers::Model model = small_network(9);
    const auto lists = weights_of(model);
    set_masks_at_random(lists, std::vector<double>{0.5, 0.5, 0.5}, 10);
    const auto before = mask_of(model.parameter("fc.weight"));
    regrow(lists, {.fraction = 0.5, .grow = Grow::Random, .seed = seed});
    masks.push_back(mask_of(model.parameter("fc.weight")));
    CHECK(masks.back() != before);
    CHECK(ones(masks.back()) == ones(before));
    CHECK(model.parameter("fc.weight").nonzero() == ones(before) - 36);
  }
  CHECK(masks[0] == masks[1]);
  CHECK(masks[0] != masks[2]);
}

TEST_CASE("the fraction to regrow falls as a cosine") {
  CHECK(rigl_fraction(10, 10, 110) == doctest::Approx(0.3));
  CHECK(rigl_fraction(60, 10, 110, 0.5) == doctest::Approx(0.25));
  CHECK(rigl_fraction(35, 10, 110, 1) == doctest::Approx(0.5 + std::sqrt(0.5) / 2));
  CHECK(rigl_fraction(9, 10, 110) == 0);
  CHECK(rigl_fraction(110, 10, 110) == 0);
  CHECK(error_of([] { rigl_fraction(0, 5, 5); }).find("found steps from 5 to 5") !=
        std::string::npos);
}

TEST_CASE("rewinding gives back the very bits, and zeros where the mask removes") {
  const layers::Model model = small_network(11);
  take_steps(model, 2, 12);
  const auto then = everything(model);
  const Snapshot early(model), with_states(model, true);
  const Values momentum = model.parameter("fc.weight").state("momentum").to_vector();
  take_steps(model, 3, 13);
  CHECK(everything(model) != then);

  early.restore(model);
  CHECK(everything(model) == then);
  for (const Parameter& p : model.parameters()) {
    CHECK(p.states().empty());
    CHECK_FALSE(p.grad().defined());
  }
  take_steps(model, 1, 14);
  Parameter fc = model.parameter("fc.weight");
  const auto mask = random_mask(fc.numel(), 15);
  fc.set_mask(mask);
  early.restore(model);
  CHECK(all_plus_zero(fc, mask));
  auto now = everything(model);
  const auto names = model.parameters();
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t k = 0; k < now[i].size(); ++k)
      CHECK(now[i][k] == (names[i].name() == "fc.weight" && !mask[k] ? 0 : then[i][k]));

  with_states.restore(model);
  CHECK(all_plus_zero(fc.state("momentum"), mask));
  for (std::size_t k = 0; k < mask.size(); ++k)
    if (mask[k]) CHECK(fc.state("momentum").to_vector()[k] == momentum[k]);
  // What is stored of it makes the same one.
  const Snapshot again(with_states.tensors(), with_states.counters());
  const Values values = fc.to_vector(), state = fc.state("momentum").to_vector();
  take_steps(model, 1, 16);
  again.restore(model);
  CHECK(fc.to_vector() == values);
  CHECK(fc.state("momentum").to_vector() == state);
  // The snapshot's own tensors are not the model's.
  take_steps(model, 1, 16);
  fc.clear_mask();
  early.restore(model);
  CHECK(everything(model) == then);
}

TEST_CASE("rewinding goes by name, and changes nothing where a shape differs") {
  const layers::Model model = small_network(17);
  const Snapshot snapshot(model);
  const auto first = everything(model);
  take_steps(model, 1, 18);
  model.replace("bn1", std::make_shared<layers::Identity>());
  snapshot.restore(model);
  CHECK(model.parameter("fc.bias").to_vector() == first[6]);

  const layers::Model other(
      layers::Sequential{{"flatten", layers::Flatten()}, {"fc", layers::Linear(60, 4)}}, {2, 6, 5});
  const auto before = everything(other);
  CHECK(error_of([&] { snapshot.restore(other); }) ==
        "rewind: found fc.weight of shape [4, 60], expected [4, 36] as in the snapshot");
  const layers::Model stranger(
      layers::Sequential{{"flatten", layers::Flatten()}, {"head", layers::Linear(60, 4)}},
      {2, 6, 5});
  CHECK(error_of([&] { snapshot.restore(stranger); }).find("found head.weight in the model") !=
        std::string::npos);
  CHECK(everything(other) == before);
}

TEST_CASE("batch-norm statistics are the plain mean over batches") {
  using namespace layers;
  const Model model(Sequential{{"drop", Dropout(0.5)},
                               {"bn", BatchNorm(3)},
                               {"flatten", Flatten()},
                               {"fc", Linear(18, 2)}},
                    {3, 2, 3}, 19);
  auto& norm = dynamic_cast<BatchNorm&>(model.find("bn"));
  norm.running_mean.copy_from(Tensor::full({3}, NAN));
  const auto batches = example_batches({3, 2, 3}, 2, {5, 2, 9}, 20);
  model.train();
  model.find("bn").eval();  // a mode of its own, which has to come back
  reestimate_batch_norm(model, batches);
  CHECK(model.training());
  CHECK(model.find("drop").training());
  CHECK_FALSE(norm.training());
  CHECK(norm.options.momentum == 0.1f);
  CHECK(norm.num_batches_tracked == 3);
  for (std::int64_t c = 0; c < 3; ++c) {
    double mean = 0, variance = 0;
    for (const Examples& batch : batches) {
      const Values x = batch.images.to_vector();
      std::vector<double> values;
      for (std::size_t i = 0; i < x.size(); ++i)
        if (static_cast<std::int64_t>(i) / 6 % 3 == c) values.push_back(x[i]);
      double m = 0, v = 0;
      for (const double value : values) m += value / static_cast<double>(values.size());
      for (const double value : values)
        v += (value - m) * (value - m) / static_cast<double>(values.size() - 1);
      mean += m / 3;
      variance += v / 3;
    }
    CHECK(norm.running_mean.to_vector()[c] == doctest::Approx(mean).epsilon(1e-5));
    CHECK(norm.running_var.to_vector()[c] == doctest::Approx(variance).epsilon(1e-5));
  }
  CHECK(error_of([&] { reestimate_batch_norm(model, {}); }).find("found no batches") !=
        std::string::npos);
  CHECK(model.find("drop").training());
  const Model plain(Sequential{{"fc", Linear(3, 2)}}, {3});
  reestimate_batch_norm(plain, {});  // nothing to do
  CHECK(plain.training());
}

TEST_CASE("batch-norm statistics of many batches, in double precision") {
  using namespace layers;
  const Model model(Sequential{{"bn", BatchNorm(4)}}, {4}, 19);
  auto& norm = dynamic_cast<BatchNorm&>(model.find("bn"));
  std::vector<Examples> batches;
  std::vector<double> mean(4, 0.0), variance(4, 0.0);
  Rng rng(3);
  for (int k = 0; k < 400; ++k) {
    batches.push_back({Tensor::uniform({2, 4}, 900, 1100, rng), {0, 0}});
    const Values x = batches.back().images.to_vector();
    for (std::size_t c = 0; c < 4; ++c) {
      mean[c] += (static_cast<double>(x[c]) + x[4 + c]) / 2 / 400;
      variance[c] += std::pow(static_cast<double>(x[c]) - x[4 + c], 2) / 2 / 400;
    }
  }
  reestimate_batch_norm(model, batches);
  for (std::size_t c = 0; c < 4; ++c) {
    CHECK(std::abs(norm.running_mean.data()[c] - mean[c]) <= 1e-7 * mean[c]);
    CHECK(std::abs(norm.running_var.data()[c] - variance[c]) <= 1e-7 * variance[c]);
  }
}
