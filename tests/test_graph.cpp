// Graphs wired by hand: names, order, what is refused, how they run, and nodes that leave.
#include <doctest/doctest.h>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/concat.h"
#include "core/ops/conv.h"
#include "core/ops/elementwise.h"
#include "core/ops/pool.h"
#include "layers/layers.h"

using namespace espalier;
using namespace espalier::layers;

namespace {

std::vector<std::string> names(const Graph& graph) {
  std::vector<std::string> all;
  for (const layers::Node& node : graph.nodes()) all.push_back(node.name());
  return all;
}

// Two branches, concatenated and gated.
Graph gated() {
  Graph graph;
  const Value a = graph.add("a", Conv2d(3, 4, {.padding = 1}), kInput);
  const Value b = graph.add("b", Conv2d(3, 2, {.kernel = 1}), kInput);
  const Value both = graph.add("both", Concat(), {a, b});
  const Value gate = graph.add(
      "gate",
      Sequential{{"pool", GlobalAvgPool()}, {"fc", Conv2d(6, 6, {.kernel = 1})}, {"s", Sigmoid()}},
      both);
  graph.add("out", Mul(), {both, gate});
  return graph;
}

Tensor images(const Model& model, std::int64_t count) {
  Rng rng(1);
  return Tensor::randn(model.batch_shape(count), rng);
}

}  // namespace

TEST_CASE("graph: nodes by hand, in order, with dotted names") {
  const Graph graph = gated();
  CHECK(names(graph) ==
        std::vector<std::string>{"a", "b", "both", "gate.pool", "gate.fc", "gate.s", "out"});
  CHECK(graph.nodes()[6].inputs == std::vector<Value>{2, 5});
  CHECK(graph.output() == 6);
  CHECK(graph.trace({5, 3, 6, 4}) == Shape{5, 6, 6, 4});
  CHECK(graph.find("gate.fc") == 4);
  CHECK(graph.find("gate") == kInput);
  CHECK(Graph().trace({1, 3}) == Shape{1, 3});
  const Model nothing(Graph(), {3});
  const Tensor x = Tensor::full({1, 3}, 1);
  CHECK(same(nothing(x), x));
}

TEST_CASE("graph: runs as its operations do") {
  const Model model(gated(), {3, 6, 4}, 1);
  for (const int count : {1, 17}) {
    const Tensor x = images(model, count);
    const auto p = [&](const char* name) { return model.parameter(name); };
    const Tensor both = concat({{conv2d(x, p("a.weight"), p("a.bias"), {.padding = 1}),
                                 conv2d(x, p("b.weight"), p("b.bias"))}});
    const Tensor gate =
        sigmoid(conv2d(global_avg_pool(both), p("gate.fc.weight"), p("gate.fc.bias")));
    const std::vector<float> expected = mul(both, gate).to_vector();
    const auto near = [&](const Tensor& y) {
      const std::vector<float> found = y.to_vector();
      REQUIRE(found.size() == expected.size());
      for (std::size_t i = 0; i < found.size(); ++i)
        CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-5));
    };
    near(model(x));
    const NoGrad off;
    near(model(x));
  }
}

TEST_CASE("graph: branches are a block, and a block can be added many times") {
  const Branches branches{
      {"point", Conv2d(4, 2, {.kernel = 1})},
      {"wide", Sequential{{"conv", Conv2d(4, 2, {.padding = 1})}, {"r", ReLU()}}}};
  const Model model(Sequential{{"first", branches}, {"second", branches}}, {4, 3, 3});
  CHECK(names(model.graph()) ==
        std::vector<std::string>{"first.point", "first.wide.conv", "first.wide.r", "first",
                                 "second.point", "second.wide.conv", "second.wide.r", "second"});
  CHECK(model.parameters().size() == 8);
  CHECK(model.parameter("first.point.weight").to_vector() !=
        model.parameter("second.point.weight").to_vector());
}

TEST_CASE("graph: what does not fit is refused in one sentence") {
  Graph graph;
  graph.add("a", ReLU(), kInput);
  CHECK_THROWS_WITH_AS(graph.add("a", ReLU(), 0),
                       "layer a: found the name twice, expected different ones", Error);
  CHECK_THROWS_WITH_AS(graph.add("b", ReLU(), 1),
                       "layer b: found an input from node 1, expected one of the 1 before it",
                       Error);
  CHECK_THROWS_WITH_AS(graph.add("b", Mul(), {0}),
                       "layer b: found 1 inputs, which a layer of type Mul does not take", Error);
  CHECK_THROWS_WITH_AS(graph.add("b..c", ReLU(), 0),
                       "layer b.: found a part of a name '', expected letters, digits, '_' and '-'",
                       Error);
  graph.add("b", ReLU(), kInput);
  CHECK_THROWS_WITH_AS(Model(graph, {3}),
                       "layer a: found no layer that takes its output, expected one", Error);
  const Tensor x = Tensor::zeros({2, 3, 4, 4});
  CHECK_THROWS_WITH_AS(Add().forward_all(std::vector{x, Tensor::zeros({2, 3, 1, 1})}),
                       "Add: found [2, 3, 4, 4] and [2, 3, 1, 1] to add, expected equal shapes",
                       Error);
  CHECK_THROWS_WITH_AS(Mul().forward_all({&x, 1}),
                       "Mul: found 1 inputs, which a layer of type Mul does not take", Error);
  Graph sum;
  sum.add("s", Add(), {sum.add("c", Conv2d(3, 4), kInput), kInput});
  CHECK_THROWS_WITH_AS(Model(sum, {3, 8, 8}),
                       "s: found [1, 4, 6, 6] and [1, 3, 8, 8] to add, expected equal shapes",
                       Error);
}

TEST_CASE("graph: a node that is bypassed leaves with all that it alone needed") {
  const Model model(gated(), {3, 6, 4}, 1);
  CHECK(model.graph().only_for(6, 1) == std::vector<int>{3, 4, 5});
  model.bypass("out", 2);
  CHECK(names(model.graph()) == std::vector<std::string>{"a", "b", "both"});
  const Tensor x = images(model, 2);
  CHECK(model(x).shape() == Shape{2, 6, 6, 4});
  model.bypass("both", 1);
  CHECK(names(model.graph()) == std::vector<std::string>{"b"});
  model.bypass("b", kInput);
  CHECK(model.nodes().empty());
}

TEST_CASE("plan: a convolution takes in a sum as soon as the other path is there") {
  Sequential main{{"conv", Conv2d(4, 6, {.stride = 2, .padding = 1})}, {"bn", BatchNorm(6)}};
  Sequential side{{"0", Conv2d(4, 6, {.kernel = 1, .stride = 2})}, {"1", BatchNorm(6)}};
  const Model model(Sequential{{"block", Residual(main, side)}, {"pool", MaxPool2d()}}, {4, 8, 8});
  model.eval();
  FoldedNorms norms;
  const Plan plan(model.graph(), model.batch_shape(16), false, true, norms);
  REQUIRE(plan.steps().size() == 3);
  CHECK(plan.steps()[0].node == 2);  // the shortcut with its batch norm
  CHECK(plan.steps()[0].result == 3);
  CHECK(plan.steps()[1].node == 0);  // the main path, to which that is added
  CHECK(plan.steps()[1].result == 5);
  CHECK(plan.steps()[1].addend == 3);
  CHECK(plan.steps()[1].fused.relu);
  CHECK(plan.steps()[1].last_uses == std::vector<Value>{3});
  CHECK(plan.steps()[2].node == 6);
  CHECK(norms.size() == 2);
  const Plan apart(model.graph(), model.batch_shape(16), false, false, norms);
  CHECK(apart.steps().size() == 7);
  const Plan recorded(model.graph(), model.batch_shape(16), true, true, norms);
  CHECK(recorded.steps().size() == 7);  // nobody else's pass does a sum on the tape
}

TEST_CASE("plan: results have the halo that those read who take them") {
  Sequential wide{{"0", Conv2d(4, 8, {.kernel = 1})}, {"1", BatchNorm(8)}, {"2", ReLU6()}};
  wide.add(Conv2d(8, 8, {.padding = 1, .groups = 8})).add(BatchNorm(8)).add(ReLU6());
  wide.add(Conv2d(8, 4, {.kernel = 1})).add(BatchNorm(4));
  Sequential net{{"first", Conv2d(3, 4, {.kernel = 1})}};
  net.add(Residual(wide, {}, {.relu = false})).add(Conv2d(4, 4, {.kernel = 5, .padding = 2}));
  net.add(GlobalAvgPool());
  const Model model(std::move(net), {3, 8, 8});
  FoldedNorms norms;
  const Plan plan(model.graph(), model.batch_shape(16), true, true, norms);
  std::vector<int> halos;
  for (const Plan::Step& step : plan.steps()) halos.push_back(step.fused.halo);
  // The terms of the sum lie alike, as the 5x5 convolution behind it reads them.
  CHECK(halos == std::vector<int>{2, 0, 1, 0, 0, 0, 2, 2, 1, 1});
}

TEST_CASE("plan: what others take too is not taken into a pass") {
  Graph graph;
  const Value conv = graph.add("conv", Conv2d(3, 3, {.padding = 1}), kInput);
  const Value act = graph.add("act", ReLU(), conv);
  graph.add("sum", Add(), {conv, act});
  const Model model(std::move(graph), {3, 4, 4});
  FoldedNorms norms;
  CHECK(Plan(model.graph(), model.batch_shape(2), false, true, norms).steps().size() == 3);
  const Tensor x = images(model, 3);
  const Tensor y =
      conv2d(x, model.parameter("conv.weight"), model.parameter("conv.bias"), {.padding = 1});
  const NoGrad off;
  const std::vector<float> found = model(x).to_vector(), expected = add(y, relu(y)).to_vector();
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-5));
}
