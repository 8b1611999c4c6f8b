// The command line: predict for people, and what the first layer saw.
#include <cmath>

#include "core/autograd.h"
#include "core/ops/activation.h"
#include "core/rng.h"
#include "layers/layers.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

// A network that has seen a few pictures.
std::string write_network(const TempDir& folder) {
  const std::string data = folder / "data", model = folder / "m.safetensors";
  write_small_data(data);
  const Outcome run =
      run_program("train --model convnet --epochs 1 --batch 40 --data " + data + " --out " + model);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  return model;
}

const std::string& network() {
  static const TempDir folder;
  static const std::string file = write_network(folder);
  return file;
}

std::vector<std::uint8_t> noise(int count) {
  Rng rng(1);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.next() >> 56);
  return bytes;
}

}  // namespace

TEST_CASE("command line: predict aligns the classes of one picture, a line each of several") {
  const TempDir folder;
  const std::string a = folder / "a.png", b = folder / "b.png";
  for (const std::string& file : {a, b})
    datasets::write_picture(file, noise(3 * 50 * 40), 3, 50, 40);
  const Outcome one = run_program("predict " + network() + " " + a);
  REQUIRE_MESSAGE(one.status == 0, one.err);
  CHECK(lines(one.out) == 6);
  std::istringstream text(one.out);
  std::string line, first;
  std::getline(text, line);
  CHECK(line == a + ":");
  std::getline(text, first);
  while (std::getline(text, line)) CHECK(line.find(" %") == first.find(" %"));
  const Outcome two = run_program("predict " + network() + " " + a + " " + b);
  REQUIRE_MESSAGE(two.status == 0, two.err);
  CHECK(lines(two.out) == 2);
}

TEST_CASE("command line: predict --picture writes the input and the first layer's maps") {
  const TempDir folder;
  const std::string a = folder / "a.png", out = folder / "seen.png";
  const std::vector<std::uint8_t> bytes = noise(3 * 32 * 32);
  datasets::write_picture(a, bytes, 3, 32, 32);
  const Outcome run = run_program("predict " + network() + " " + a + " --json --picture " + out);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK(run.json()["predictions"][0]["picture"] == out);
  CHECK(run.json()["predictions"][0]["classes"].size() == 5);

  // 32 maps of 32x32, each pixel 3 times as large: 7 across, 5 down.
  constexpr int kTimes = 3, kGap = 4, kMap = 32, kAcross = 7, kDown = 5;
  constexpr int kWidth = kAcross * (kMap * kTimes + kGap) + kGap;
  constexpr int kTop = 32 * kTimes + 3 * kGap;
  constexpr int kHeight = kTop + kDown * (kMap * kTimes + kGap);
  const std::string png = content(out);
  const auto number = [&](std::size_t at) {
    int value = 0;
    for (int i = 0; i < 4; ++i) value = 256 * value + static_cast<unsigned char>(png[at + i]);
    return value;
  };
  REQUIRE(png.size() > 24);
  REQUIRE(number(16) == kWidth);
  REQUIRE(number(20) == kHeight);
  const auto sheet = datasets::read_picture(out, 3, kHeight, kWidth);
  const auto pixel = [&](int channel, int y, int x) {
    return int{sheet[(std::size_t{1} * channel * kHeight + y) * kWidth + x]};
  };
  int wrong = 0;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < 32 * kTimes; ++y)
      for (int x = 0; x < 32 * kTimes; ++x)
        wrong += pixel(c, kGap + y, kGap + x) != bytes[(c * 32 + y / kTimes) * 32 + x / kTimes];
  CHECK(wrong == 0);

  // The maps by the layer itself and a ReLU: from a map's least value to its largest.
  const layers::Model model = layers::load(network());
  const datasets::Data data =
      datasets::open(std::filesystem::path(network()).parent_path() / "data");
  const auto normalisation = datasets::normalisation(data.train);
  std::vector<float> values;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    values.push_back((static_cast<float>(bytes[i]) / 255 - normalisation.mean[i / 1024]) /
                     normalisation.std[i / 1024]);
  model.eval();
  const NoGrad off;
  const std::vector<float> maps =
      relu(model.find("conv1")(Tensor::from({1, 3, 32, 32}, values))).to_vector();
  int most = 0;
  for (int map = 0; map < 32; ++map) {
    const auto begin = maps.begin() + map * kMap * kMap, end = begin + kMap * kMap;
    const float low = *std::min_element(begin, end), high = *std::max_element(begin, end);
    for (int i = 0; i < kMap * kMap; ++i) {
      const int x = kGap + map % kAcross * (kMap * kTimes + kGap) + i % kMap * kTimes;
      const int y = kTop + map / kAcross * (kMap * kTimes + kGap) + i / kMap * kTimes;
      const float expected = high > low ? 255 * (begin[i] - low) / (high - low) : 0;
      for (int c = 0; c < 3; ++c)
        most = std::max(most, std::abs(pixel(c, y, x) - static_cast<int>(std::lround(expected))));
    }
  }
  CHECK(most <= 1);
}

TEST_CASE("command line: predict --picture numbers several files, and says what it cannot draw") {
  const TempDir folder;
  const std::string a = folder / "a.png";
  datasets::write_picture(a, noise(3 * 32 * 32), 3, 32, 32);
  const Outcome two =
      run_program("predict " + network() + " " + a + " " + a + " --picture " + (folder / "s.png"));
  REQUIRE_MESSAGE(two.status == 0, two.err);
  CHECK(content(folder / "s-1.png") == content(folder / "s-2.png"));
  CHECK(!content(folder / "s-1.png").empty());
  CHECK(content(folder / "s.png").empty());
  expect_error("predict " + network() + " " + a + " --picture " + (folder / "s.jpg"), 2,
               "--picture: found " + (folder / "s.jpg") + ", expected a name that ends in .png");
  const std::string linear = folder / "linear.safetensors";
  layers::save(layers::LeNet300(10, 0, {3, 32, 32}), linear);
  expect_error("predict " + linear + " " + a + " --picture " + (folder / "s.png"), 1,
               "--picture: found a network whose first layer is fc1 (Linear), expected a");
}

TEST_CASE("command line: predict --picture does not write over a picture that was given") {
  const TempDir folder;
  const std::string one = folder / "photo-1.png", two = folder / "photo-2.png",
                    linked = folder / "linked.png";
  datasets::write_picture(one, noise(3 * 32 * 32), 3, 32, 32);
  datasets::write_picture(two, noise(3 * 20 * 30), 3, 20, 30);
  std::filesystem::create_symlink(one, linked);
  const std::string before = content(one), predict = "predict " + network() + " ";
  expect_error(predict + one + " --picture " + one, 2,
               "--picture: found " + one + ", expected a name that does not write over " + one);
  expect_error(predict + one + " --picture " + linked, 2, "does not write over " + one);
  expect_error(predict + two + " " + one + " --picture " + (folder / "photo.png"), 2,
               "--picture: found " + (folder / "photo.png") +
                   ", expected a name that does not write over " + one);
  CHECK(content(one) == before);
}

TEST_CASE("command line: predict says where a network's outputs are not finite") {
  const TempDir folder;
  const std::string a = folder / "a.png", broken = folder / "broken.safetensors";
  datasets::write_picture(a, noise(3 * 32 * 32), 3, 32, 32);
  const layers::Model model = layers::LeNet5(3, 0, {3, 32, 32});
  Parameter weight = model.parameters()[0];
  std::fill_n(weight.mutable_data(), weight.numel(), 3e38f);  // finite, and too large
  const datasets::InputInfo info{"d", {{0, 0, 0}, {1, 1, 1}}, {"a", "b", "c"}};
  layers::save(model, broken, {.metadata = datasets::metadata(info)});
  expect_error("predict " + broken + " " + a, 1,
               "predict: found outputs for " + a + " that are not finite, expected finite ones");
}

}  // namespace espalier::testing
