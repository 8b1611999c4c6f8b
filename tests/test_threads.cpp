// Several threads at once: one network that all of them run, and networks of their own.
#include <atomic>
#include <cstring>
#include <thread>

#include "core/memory.h"
#include "core/progress.h"
#include "datasets/datasets.h"
#include "tests/sparse_network.h"
#include "tests/test_pruning_shrink.h"

using namespace espalier;
using namespace espalier::layers;
using namespace espalier::testing;

namespace {

using Bits = std::vector<std::uint32_t>;

Bits bits_of(const std::vector<float>& values) {
  Bits bits(values.size());
  std::memcpy(bits.data(), values.data(), values.size() * sizeof(float));
  return bits;
}

// Calls work(i) on thread i, all of them beginning at the same moment.
template <class Work>
void together(int count, const Work& work) {
  std::atomic<int> waiting = count;
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      set_num_threads(2);
      --waiting;
      while (waiting > 0) std::this_thread::yield();
      work(i);
    });
  for (std::thread& thread : threads) thread.join();
}

Bits run(const Model& model, const Tensor& x) {
  const NoGrad off;
  return bits_of(outputs_of(model, x).to_vector());
}

// Fresh copies each time: what layers and operations keep for later runs is not there yet.
void expect_same_bits_in_four_threads(const Model& model, std::int64_t images = 9) {
  const Tensor x = random_examples(images, 3, model.input_shape()).images,
               other = random_examples(2, 4, model.input_shape()).images;
  model.eval();
  const Bits alone = run(model.clone(), x), other_alone = run(model.clone(), other);
  for (int round = 0; round < 10; ++round) {
    const Model copy = model.clone();
    copy.eval();
    Bits found[4][3];
    together(4, [&](int i) {
      for (Bits& bits : found[i]) bits = run(copy, &bits == &found[i][1] ? other : x);
    });
    for (const auto& [first, second, third] : found) {
      CHECK(first == alone);
      CHECK(second == other_alone);
      CHECK(third == alone);
    }
  }
}

// Some steps of training on small generated pictures that are cropped and flipped.
Bits train(const Model& model, const datasets::Dataset& data) {
  model.train();
  optim::SGD optimizer(model, {.lr = 0.05, .momentum = 0.9});
  for (auto& batch : datasets::epochs(data, 2, {.batch = 16, .crop = 2, .flip = true})) {
    cross_entropy(model(batch.images), batch.labels).backward();
    optimizer.step();
  }
  Bits all;
  for (const auto& [name, values] : everything(model)) {
    const Bits bits = bits_of(values);
    all.insert(all.end(), bits.begin(), bits.end());
  }
  return all;
}

Model with_dropout() {
  return unsettled(Model(Sequential{{"conv", Conv2d(3, 8, {.padding = 1})},
                                    {"bn", BatchNorm(8)},
                                    {"relu", ReLU()},
                                    {"drop", Dropout(0.5)},
                                    {"flatten", Flatten()},
                                    {"fc", Linear(8 * 36, 4)}},
                         {3, 6, 6}, 1));
}

}  // namespace

TEST_CASE("threads: one network in four threads gives the bits of one alone") {
  SUBCASE("dense") { expect_same_bits_in_four_threads(small_net()); }
  SUBCASE("a single image") { expect_same_bits_in_four_threads(small_net(), 1); }
  SUBCASE("masked") { expect_same_bits_in_four_threads(masked_network()); }
  SUBCASE("sparse") { expect_same_bits_in_four_threads(sparse_copy(masked_network())); }
  SUBCASE("sparse, a single image") {
    expect_same_bits_in_four_threads(sparse_copy(masked_network()), 1);
  }
  SUBCASE("residual blocks with folded batch norm") {
    expect_same_bits_in_four_threads(residual_net());
  }
}

TEST_CASE("threads: a sparse pattern that several networks share") {
  const Model model = sparse_copy(masked_network());
  const Tensor x = random_examples(9, 3, model.input_shape()).images;
  model.eval();
  const Bits alone = run(model, x);
  for (int round = 0; round < 10; ++round) {
    const Model fresh = sparse_copy(dense_copy(model));  // new patterns
    fresh.eval();
    const Model copies[4] = {fresh.clone(), fresh.clone(), fresh.clone(), fresh.clone()};
    Bits found[4];
    together(4, [&](int i) {
      copies[i].eval();
      found[i] = run(copies[i], x);
    });
    for (const Bits& bits : found) CHECK(bits == alone);
  }
}

TEST_CASE("threads: two trainings at once give the bits of one after the other") {
  const datasets::Data data = datasets::shapes({.train = 64, .test = 10});
  const Model convnet = make_model("convnet", 10, 1), resnet = make_model("resnet20", 10, 2);
  for (const char* name : {"conv1", "fc1"}) {
    Parameter weight = convnet.parameter(std::string(name) + ".weight");
    weight.set_mask(random_mask(weight.numel(), 0.3, 5));
    weight.to_csr();
  }
  const Model* const models[2] = {&convnet, &resnet};
  Bits alone[2], found[2];
  for (int i = 0; i < 2; ++i) alone[i] = train(models[i]->clone(), data.train);
  together(2, [&](int i) { found[i] = train(models[i]->clone(), data.train); });
  for (int i = 0; i < 2; ++i) CHECK(found[i] == alone[i]);
}

TEST_CASE("threads: evaluation mode in several threads, and the modes afterwards") {
  const Model model = with_dropout();
  const Tensor x = random_examples(5, 3, model.input_shape()).images;
  const Bits alone = bits_of(evaluate(model, x).to_vector());
  model.find("bn").eval();  // a mode of its own, which has to come back
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> wrong = 0;
    together(4, [&](int) {
      for (int k = 0; k < 3; ++k) wrong += bits_of(evaluate(model, x).to_vector()) != alone;
    });
    CHECK(wrong.load() == 0);
    CHECK(model.training());
    CHECK(model.find("drop").training());
    CHECK_FALSE(model.find("bn").training());
  }
}

TEST_CASE("evaluation mode: within another one, and after a change of mode") {
  const Model model = with_dropout();
  {
    const EvaluationMode outer(model);
    { const EvaluationMode inner(model); }
    CHECK_FALSE(model.training());
    model.train();
    {
      const EvaluationMode inner(model);
      CHECK_FALSE(model.find("drop").training());
    }
    CHECK(model.training());
    CHECK(model.find("drop").training());
    model.eval();
  }
  CHECK(model.training());
  model.eval();
  { const EvaluationMode mode(model); }
  CHECK_FALSE(model.training());
  model.train();
  {
    const EvaluationMode mode(model);
    model.replace("drop", std::make_shared<Identity>());
    model.find("drop").eval();
  }
  CHECK(model.find("drop").training());  // as the whole network
}

TEST_CASE("threads: what one of them switches holds for that one alone") {
  const NoGrad off;
  int heard = 0, seen = 0;
  const WatchProgress watch([&](const WatchProgress::Step&) { ++heard; });
  const Observe observe(
      [&](const Module&, const std::string&, const Tensor&, const Tensor&) { ++seen; });
  bool enabled = false, active = true;
  const Model model = with_dropout();
  std::thread([&] {
    enabled = grad_enabled();
    active = Observe::active();
    WatchProgress::tell({"scoring", "images", 1, 2});
    outputs_of(model, random_examples(2, 3, model.input_shape()).images);
  }).join();
  CHECK(enabled);
  CHECK_FALSE(active);
  CHECK(heard == 0);
  CHECK(seen == 0);
  WatchProgress::tell({"scoring", "images", 1, 2});
  CHECK(heard == 1);
}

TEST_CASE("threads: kept memory is handed out to one of them at a time") {
  const std::size_t before = memory_statistics().live;
  std::atomic<int> wrong = 0;
  together(4, [&](int i) {
    Rng rng(static_cast<std::uint64_t>(i));
    struct Block {
      unsigned char* bytes;
      std::size_t count;
    };
    std::vector<Block> blocks;
    const auto give_back = [&] {
      const Block block = blocks.back();
      blocks.pop_back();
      for (std::size_t k = 0; k < block.count; ++k)
        wrong += block.bytes[k] != static_cast<unsigned char>(i);
      release(block.bytes, block.count);
    };
    for (int k = 0; k < 2000; ++k) {
      const std::size_t count = 1 + rng.below(3000);
      blocks.push_back({static_cast<unsigned char*>(allocate(count)), count});
      std::memset(blocks.back().bytes, i, count);
      if (rng.below(2)) give_back();
    }
    while (!blocks.empty()) give_back();
  });
  CHECK(wrong.load() == 0);
  CHECK(memory_statistics().live == before);
}
