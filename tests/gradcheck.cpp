// Gradient check: the runs of one case, and what each run has to fulfil.
#include "tests/gradcheck.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <set>
#include <sstream>
#include <utility>

#include "core/autograd.h"
#include "core/parameter.h"
#include "tests/gradcheck_reference.h"

namespace espalier::testing {
namespace {

std::set<Op>& checked_operations() {
  static std::set<Op> set;
  return set;
}

// ---- What lies around the values of a tensor in lanes ------------------------

enum class Place { Image, Padding, Halo };

// Calls f(float&, place) for every float in memory.
template <class Function>
void walk(const Planes& p, const Function& f) {
  for (int b = 0; b < p.blocks; ++b)
    for (int c = 0; c < p.channels; ++c)
      for (int y = -p.halo; y < p.height + p.halo; ++y)
        for (int x = -p.halo; x < p.width + p.halo; ++x)
          for (int lane = 0; lane < p.lanes; ++lane) {
            const bool halo = y < 0 || y >= p.height || x < 0 || x >= p.width;
            const bool image = b * p.lanes + lane < p.images;
            const Place place = halo ? Place::Halo : image ? Place::Image : Place::Padding;
            f(p.plane(b, c)[y * p.row_stride + x * p.lanes + lane], place);
          }
}

// Writes row-major values, and zeros around them.
void write(const std::vector<float>& values, const Tensor& t, float* data) {
  relayout(t.shape(), values.data(), {}, data, t.layout());
}

// ---- One case ---------------------------------------------------------------

struct Run {
  Layout layout;  // of the activations
  int only = -1;  // the one input that requires a gradient; -1: all that can
  bool gradient_before = false;
  bool twice = false;

  std::string str() const {
    std::string text = "plain";
    if (!layout.plain())
      text = std::to_string(layout.lanes) + " lanes, halo " + std::to_string(layout.halo);
    if (only >= 0) text += ", only input " + std::to_string(only);
    return text + (gradient_before ? ", gradient before" : "") + (twice ? ", twice" : "");
  }
};

class Check {
 public:
  explicit Check(const GradCase& c) : c_(c), expected_(expect(c)) {}
  std::vector<std::string> errors();

 private:
  template <class... Parts>
  void require(bool condition, const Parts&... parts) {
    if (condition) return;
    std::ostringstream text;
    text << name(c_.op) << " (" << run_ << "): ";
    (text << ... << parts);
    errors_.push_back(text.str());
  }

  Tensor input(std::size_t which, const Layout& layout) const;
  Tensor leaf(std::size_t which, const Run& run, Values& gradient) const;
  const std::vector<std::uint8_t>* mask(std::size_t which) const;
  void compare(const std::string& what, const Tensor& found, const Values& expected);
  void check_surroundings(const std::string& what, const Tensor& t, bool is_gradient);
  void perform(const Run& run);
  void perform_without_tape(const Layout& layout);

  const GradCase& c_;
  const Expected expected_;
  std::string run_;
  std::vector<std::string> errors_;
};

const std::vector<std::uint8_t>* Check::mask(std::size_t which) const {
  const auto found = c_.masks.find(static_cast<int>(which));
  return found == c_.masks.end() ? nullptr : &found->second;
}

// A fresh copy, with anything finite in the padding lanes.
Tensor Check::input(std::size_t which, const Layout& layout) const {
  const Tensor& given = c_.inputs[which];
  const int rank = given.shape().rank();
  const bool in_lanes = !layout.plain() && (rank == 2 || rank == 4) &&
                        std::count(c_.activations.begin(), c_.activations.end(), which) > 0;
  Tensor t = Tensor::empty(given.shape(), !in_lanes   ? Layout{}
                                          : rank == 2 ? Layout{.lanes = layout.lanes}
                                                      : layout);
  write(given.to_vector(), t, t.mutable_data());
  Rng rng(99);
  if (in_lanes)
    walk(t.planes(), [&rng](float& x, Place place) {
      if (place == Place::Padding) x = rng.uniform(-50, 50);
    });
  if (!mask(which)) return t;
  Parameter parameter(t);
  parameter.set_mask(*mask(which));
  parameter.set_requires_grad(false);
  return parameter;
}

// The same as a leaf, which may have a gradient already; it has to stay in the sum.
Tensor Check::leaf(std::size_t which, const Run& run, Values& gradient) const {
  Tensor t = input(which, run.layout);
  if (!differentiable(c_, which) || (run.only >= 0 && run.only != static_cast<int>(which)))
    return t;
  t.set_requires_grad();
  for (double& d : gradient) d *= run.twice ? 2 : 1;
  if (!run.gradient_before) return t;
  Rng rng(77);
  std::vector<float> before(gradient.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    before[i] = mask(which) && !(*mask(which))[i] ? 0 : rng.uniform(-1, 1);
    gradient[i] += before[i];
  }
  write(before, t, grad_out(t, true).data);
  return t;
}

void Check::compare(const std::string& what, const Tensor& t, const Values& expected) {
  const std::vector<float> found = t.to_vector();
  require(found.size() == expected.size(), what, ": found shape ", t.shape().str(), ", expected ",
          expected.size(), " elements");
  if (found.size() != expected.size()) return;
  double largest = 1e-2, worst = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < found.size() && !std::isnan(worst); ++i) {
    if (std::isnan(expected[i])) continue;  // a kink
    largest = std::max(largest, std::abs(expected[i]));
    const double error = std::abs(found[i] - expected[i]);
    if (error <= worst) continue;  // NaN is not
    worst = error;
    at = i;
  }
  const double allowed = c_.tolerance * largest;
  if (!(worst <= allowed))
    require(false, what, ": element ", at, " is ", found[at], ", expected ", expected[at], " +- ",
            allowed);
}

void Check::check_surroundings(const std::string& what, const Tensor& t, bool is_gradient) {
  if (t.layout().plain()) return;
  int halo = 0, padding = 0;
  walk(t.planes(), [&](float& x, Place place) {
    halo += place == Place::Halo && x != 0;
    padding += place == Place::Padding && (is_gradient ? x != 0 : !std::isfinite(x));
  });
  require(halo == 0, what, ": ", halo, " elements of the halo are not zero");
  require(padding == 0, what, ": ", padding, " elements in padding lanes are not ",
          is_gradient ? "zero" : "finite");
}

// loss = sum((y + again) * weights), by a function on the tape that needs no operation.
Tensor project(const Tensor& y, const Tensor& again, const std::vector<float>& weights) {
  return record(Op::Sum, Tensor::scalar(0), {y, again}, [y, again, weights](const Tensor&) {
    for (const Tensor& t : {y, again})
      if (GradOut d = grad_out(t)) write(weights, t, d.data);
  });
}

bool on_tape(Op op, const Tensor& result) {
  if (!result.defined() || !result.impl()->node) return false;
  const TapeNode& node = *result.impl()->node;
  return node.op == op || std::any_of(node.inputs.begin(), node.inputs.end(),
                                      [op](const Tensor& input) { return on_tape(op, input); });
}

void Check::perform(const Run& run) {
  run_ = run.str();
  std::vector<Tensor> leaves;
  std::vector<Values> gradients = expected_.gradients;
  for (std::size_t i = 0; i < c_.inputs.size(); ++i) leaves.push_back(leaf(i, run, gradients[i]));

  poison_free_memory();
  const Tensor y = c_.operation(leaves);
  compare("result", y, expected_.output);
  check_surroundings("result", y, false);
  require(on_tape(c_.op, y), "the operation is not on the tape of its result");
  const Tensor again = run.twice ? c_.operation(leaves) : Tensor();
  if (!errors_.empty()) return;
  poison_free_memory();
  project(y, again, expected_.weights).backward();

  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const std::string what = "gradient of input " + std::to_string(i);
    require(!differentiable(c_, i) || leaves[i].to_vector() == input(i, run.layout).to_vector(),
            "input ", i, " was changed");
    const Tensor gradient = leaves[i].grad();
    require(gradient.defined() == leaves[i].requires_grad(), what,
            gradient.defined() ? ": there, though not wanted" : ": missing");
    if (!gradient.defined() || !leaves[i].requires_grad()) continue;
    compare(what, gradient, gradients[i]);
    check_surroundings(what, gradient, true);
  }
}

// Without the tape operations may choose another way, and another layout.
void Check::perform_without_tape(const Layout& layout) {
  run_ = Run{.layout = layout}.str() + ", no grad";
  NoGrad off;
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < c_.inputs.size(); ++i) {
    inputs.push_back(input(i, layout));
    if (differentiable(c_, i)) inputs[i].set_requires_grad();
  }
  poison_free_memory();
  const Tensor y = c_.operation(inputs);
  compare("result", y, expected_.output);
  check_surroundings("result", y, false);
  require(!on_tape(c_.op, y), "recorded");
}

// Stops after the first run that fails: the others are likely to tell the same.
std::vector<std::string> Check::errors() {
  run_ = "reference";
  for (std::size_t i = 0; i < c_.inputs.size(); ++i)
    require(expected_.kinks[i] * 20 <= expected_.gradients[i].size(), expected_.kinks[i],
            " elements of input ", i, " lie at a kink, expected less than one in 20");

  std::vector<Layout> layouts = {{}};
  for (const int which : c_.activations)
    if (const int rank = c_.inputs.at(which).shape().rank(); rank == 2 || rank == 4) {
      const int lanes = simd_lanes();
      layouts = {{}, {lanes, 1}, {1, 1}};
      if (rank == 4) layouts.insert(layouts.end(), {{lanes, 0}, {lanes, 2}});
    }
  std::vector<Run> runs;
  for (const Layout& layout : layouts) {
    for (const bool before : {false, true})
      for (const bool twice : {false, true})
        runs.push_back({.layout = layout, .gradient_before = before, .twice = twice});
    for (int i = 0; c_.inputs.size() > 1 && i < static_cast<int>(c_.inputs.size()); ++i)
      if (differentiable(c_, static_cast<std::size_t>(i)))
        runs.push_back({.layout = layout, .only = i});
  }
  for (const Run& run : runs)
    if (errors_.empty()) perform(run);
  for (const Layout& layout : layouts)
    if (errors_.empty()) perform_without_tape(layout);
  return errors_;
}

}  // namespace

std::vector<std::string> gradient_errors(const GradCase& c) { return Check(c).errors(); }

void check_gradient(const GradCase& c) {
  checked_operations().insert(c.op);
  const std::vector<std::string> errors = gradient_errors(c);
  for (const std::string& error : errors) FAIL_CHECK(error);
  CHECK(errors.empty());
}

std::vector<std::string> unchecked_operations() {
  std::vector<std::string> names;
  for (int i = 0; i < static_cast<int>(Op::Count); ++i)
    if (!checked_operations().contains(static_cast<Op>(i)))
      names.emplace_back(name(static_cast<Op>(i)));
  return names;
}

Tensor random_tensor(const Shape& shape, std::uint64_t seed, float low, float high) {
  Rng rng(seed);
  return Tensor::uniform(shape, low, high, rng);
}

// Some blocks of every size that small tensors take.
void poison_free_memory() {
  constexpr int kBlocks = 4;
  constexpr std::size_t kLargest = 1 << 16;
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (std::size_t bytes = 64; bytes <= kLargest;
       bytes += std::max<std::size_t>(64, std::bit_floor(bytes) / 8))
    for (int i = 0; i < kBlocks; ++i) {
      blocks.emplace_back(allocate(bytes), bytes);
      std::memset(blocks.back().first, 0xff, bytes);  // every bit set is a NaN
    }
  for (const auto& [block, bytes] : blocks) release(block, bytes);
}

}  // namespace espalier::testing
