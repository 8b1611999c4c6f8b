// Networks wired at random: branches that are added, concatenated and gated, convolutions of every
// kind, batch norms, activations and pooling. The same for the same seed.
#pragma once

#include <string>
#include <vector>

#include "layers/layers.h"

namespace espalier::testing {

class RandomGraph {
 public:
  explicit RandomGraph(std::uint64_t seed) : rng_(seed) {
    values_.push_back({layers::kInput, 3, 8, 8});
    const int steps = 4 + below(9);
    for (int i = 0; i < steps; ++i) grow();
    finish();
  }
  layers::Model model(std::uint64_t seed) const {
    return layers::Model(graph_, {3, 8, 8}, seed, "random");
  }

 private:
  struct Known {
    layers::Value value;
    std::int64_t channels, height, width;
    bool taken = false;
  };

  int below(int n) { return static_cast<int>(rng_.below(static_cast<unsigned>(n))); }
  bool maybe() { return below(2) == 0; }

  Known& any() {
    return values_[static_cast<std::size_t>(below(static_cast<int>(values_.size())))];
  }

  void put(Known& from, std::shared_ptr<layers::Module> layer) {
    const Shape out = layer->output_shape({1, from.channels, from.height, from.width});
    from.taken = true;
    const layers::Value value = graph_.add_node(name(), std::move(layer), {from.value});
    values_.push_back({value, out[1], out[2], out[3]});
  }
  // Several values of one shape, the first of which gives it to the result, but for its channels.
  void merge(const std::vector<std::size_t>& places, std::shared_ptr<layers::Module> layer,
             std::int64_t channels) {
    std::vector<layers::Value> inputs;
    for (const std::size_t place : places) {
      inputs.push_back(values_[place].value);
      values_[place].taken = true;
    }
    Known result = values_[places[0]];
    result.value = graph_.add_node(name(), std::move(layer), inputs);
    result.channels = channels, result.taken = false;
    values_.push_back(result);
  }
  std::string name() { return "n" + std::to_string(graph_.nodes().size()); }

  void convolution(std::int64_t outputs = 0) {
    Known& from = any();
    layers::Conv2dOptions options{.kernel = maybe() ? 3 : 1, .bias = maybe()};
    if (options.kernel == Pair(3) && (from.height < 3 || from.width < 3 || maybe()))
      options.padding = 1;
    if (below(4) == 0) options.stride = 2;
    if (options.kernel == Pair(3) && below(6) == 0) options.dilation = 2, options.padding = 2;
    if (outputs == 0) outputs = 2 + below(6);
    switch (below(4)) {
      case 0:
        options.groups = static_cast<int>(from.channels);
        outputs = from.channels * (1 + below(4) / 3);
        break;
      case 1:
        if (from.channels % 2 == 0) options.groups = 2, outputs += outputs % 2;
        break;
      default:
        break;
    }
    put(from, std::make_shared<layers::Conv2d>(from.channels, outputs, options));
  }

  // The places of values with the same shape, but for the channels where these may differ.
  std::vector<std::size_t> alike(bool any_channels) {
    const Known like = any();
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < values_.size(); ++i)
      if (values_[i].height == like.height && values_[i].width == like.width &&
          (any_channels || values_[i].channels == like.channels))
        places.push_back(i);
    while (places.size() > 3) places.erase(places.begin() + below(static_cast<int>(places.size())));
    return places;
  }

  void gate() {
    const std::size_t place = static_cast<std::size_t>(&any() - values_.data());
    const Known x = values_[place];
    const std::int64_t few = 1 + below(3);
    put(values_[place], std::make_shared<layers::GlobalAvgPool>());
    put(values_.back(), std::make_shared<layers::Conv2d>(
                            x.channels, few, layers::Conv2dOptions{.kernel = 1, .bias = maybe()}));
    put(values_.back(), std::make_shared<layers::ReLU>());
    put(values_.back(),
        std::make_shared<layers::Conv2d>(few, x.channels, layers::Conv2dOptions{.kernel = 1}));
    put(values_.back(), std::make_shared<layers::Sigmoid>());
    merge({place, values_.size() - 1}, std::make_shared<layers::Mul>(), x.channels);
  }

  void grow() {
    switch (below(10)) {
      case 0:
        put(any(), maybe() ? std::shared_ptr<layers::Module>(std::make_shared<layers::ReLU>())
                           : std::make_shared<layers::SiLU>());
        break;
      case 1:
        put(any(), maybe() ? std::shared_ptr<layers::Module>(std::make_shared<layers::ReLU6>())
                           : std::make_shared<layers::GELU>());
        break;
      case 2:
      case 3: {
        Known& from = any();
        put(from, std::make_shared<layers::BatchNorm>(from.channels));
        break;
      }
      case 4: {
        Known& from = any();
        const PoolOptions options{.kernel = 2, .stride = 1, .padding = {0, 0, 1, 1}};
        put(from,
            maybe() ? std::shared_ptr<layers::Module>(std::make_shared<layers::MaxPool2d>(options))
                    : std::make_shared<layers::AvgPool2d>(options));
        break;
      }
      case 5: {
        const std::vector<std::size_t> places = alike(false);
        if (places.size() > 1)
          merge(places, std::make_shared<layers::Add>(), values_[places[0]].channels);
        else
          convolution(values_[places[0]].channels);
        break;
      }
      case 6: {
        const std::vector<std::size_t> places = alike(true);
        std::int64_t channels = 0;
        for (const std::size_t place : places) channels += values_[place].channels;
        if (channels < 30) merge(places, std::make_shared<layers::Concat>(), channels);
        break;
      }
      case 7:
        gate();
        break;
      default:
        convolution();
    }
  }

  // Everything that nobody has taken is averaged and goes into one linear layer.
  void finish() {
    std::vector<layers::Value> ends;
    std::int64_t features = 0;
    for (const Known& known : values_) {
      if (known.taken || known.value == layers::kInput) continue;
      ends.push_back(graph_.add(name(), layers::GlobalAvgPool(), known.value));
      features += known.channels;
    }
    if (ends.empty()) {
      ends.push_back(graph_.add(name(), layers::GlobalAvgPool(), layers::kInput));
      features = 3;
    }
    const layers::Value all = graph_.add(name(), layers::Concat(), std::move(ends));
    const layers::Value flat = graph_.add(name(), layers::Flatten(), all);
    graph_.add(name(), layers::Linear(features, 4, {.bias = maybe()}), flat);
  }

  Rng rng_;
  layers::Graph graph_;
  std::vector<Known> values_;
};

}  // namespace espalier::testing
