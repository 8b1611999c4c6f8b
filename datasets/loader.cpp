// Loader: the thread that makes batches, and the queue between it and training. Where each pixel of
// a result comes from is tabulated for an image, so that the copy itself is one look-up of the byte
// and one of its normalised value.
#include "datasets/loader.h"

#include <algorithm>
#include <numeric>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/rng.h"

namespace espalier::datasets {
namespace {

constexpr std::size_t kAhead = 3;  // batches waiting at most

// Streams of the seed: the order of an epoch, and its augmentation.
std::uint64_t order_stream(int epoch) { return 2 * static_cast<std::uint64_t>(epoch); }
std::uint64_t augment_stream(int epoch) { return order_stream(epoch) + 1; }

template <class T>
using PooledVector = std::vector<T, PoolAllocator<T>>;

// The normalised value of each byte: [channels][256].
PooledVector<float> value_table(const Normalisation& n, int channels) {
  PooledVector<float> table(static_cast<std::size_t>(channels) * 256);
  for (int c = 0; c < channels; ++c)
    for (int byte = 0; byte < 256; ++byte)
      table[c * 256 + byte] = (static_cast<float>(byte) / 255 - n.mean[c]) / n.std[c];
  return table;
}

// Mirrors a coordinate that lies up to size - 1 outside: -1 -> 1, size -> size - 2.
int reflect(int at, int size) {
  if (at < 0) at = -at;
  return at < size ? at : 2 * size - 2 - at;
}

}  // namespace

void write_batch(const Dataset& data, std::span<const std::uint32_t> indices,
                 const Normalisation& normalisation, const LoaderOptions& options,
                 std::uint64_t seed, const Planes& to) {
  check(to.images == static_cast<std::int64_t>(indices.size()) && to.channels == data.channels &&
            to.height == data.height && to.width == data.width,
        "write_batch: found room for ", to.images, " pictures of ", to.channels, "x", to.height,
        "x", to.width, ", expected ", indices.size(), " of ", data.channels, "x", data.height, "x",
        data.width);
  for (const std::uint32_t index : indices)
    check(index < data.size(), "write_batch: found index ", index, ", expected less than ",
          data.size());
  const auto table = value_table(normalisation, data.channels);
  const int height = data.height, width = data.width, area = height * width;
  // A border as wide as the picture could not be mirrored.
  const int crop = std::min({options.crop, height - 1, width - 1});
  PooledVector<int> from_x(width), from_y(height);
  for (int block = 0; block < to.blocks; ++block) {
    const int live = static_cast<int>(std::min<std::int64_t>(
        to.lanes, static_cast<std::int64_t>(indices.size()) - block * to.lanes));
    for (int c = 0; c < data.channels; ++c) {
      zero_halo(to, block, c);
      if (live == to.lanes) continue;
      for (int y = 0; y < height; ++y)
        std::fill_n(to.plane(block, c) + y * to.row_stride, width * to.lanes, 0.0f);
    }
    for (int lane = 0; lane < live; ++lane) {
      const std::uint32_t index = indices[block * to.lanes + lane];
      Rng rng = Rng(seed).split(index);
      const int down = crop ? static_cast<int>(rng.below(2 * crop + 1)) - crop : 0;
      const int right = crop ? static_cast<int>(rng.below(2 * crop + 1)) - crop : 0;
      const bool flip = options.flip && rng.below(2) == 1;
      for (int y = 0; y < height; ++y) from_y[y] = reflect(y + down, height) * width;
      for (int x = 0; x < width; ++x) from_x[flip ? width - 1 - x : x] = reflect(x + right, width);
      const std::uint8_t* picture = data.picture(index);
      for (int c = 0; c < data.channels; ++c) {
        const float* values = table.data() + c * 256;
        for (int y = 0; y < height; ++y) {
          const std::uint8_t* row = picture + c * area + from_y[y];
          float* out = to.plane(block, c) + y * to.row_stride + lane;
          for (int x = 0; x < width; ++x) out[x * to.lanes] = values[row[from_x[x]]];
        }
      }
    }
  }
}

Loader::Loader(const Dataset& data, int epochs, const LoaderOptions& options)
    : data_(data), options_(options), epochs_(epochs), order_(data.size()) {
  check_dataset(data, "loader");
  check(epochs >= 0, "loader: found ", epochs, " epochs, expected 0 or more");
  check(options.first_epoch >= 0, "loader: found first epoch ", options.first_epoch,
        ", expected 0 or more");
  check(options.first_step >= 0, "loader: found first step ", options.first_step,
        ", expected 0 or more");
  check(options.batch > 0, "loader: found batch ", options.batch, ", expected at least 1");
  check(options.crop >= 0, "loader: found crop ", options.crop, ", expected 0 or more");
  if (options_.normalisation.mean.empty()) options_.normalisation = data.normalisation;
  if (options_.normalisation.mean.empty()) options_.normalisation = normalisation(data);
  check(options_.normalisation.mean.size() == static_cast<std::size_t>(data.channels) &&
            options_.normalisation.std.size() == static_cast<std::size_t>(data.channels),
        "loader: found a normalisation of ", options_.normalisation.mean.size(),
        " channels, expected ", data.channels);
  try {
    worker_ = std::thread([this] { produce(); });
  } catch (const std::system_error& error) {
    fail("loader: cannot start a thread: ", error.what());
  }
}

Loader::~Loader() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

std::int64_t Loader::batches_per_epoch() const {
  return (data_.size() + options_.batch - 1) / options_.batch;
}

bool Loader::next(Batch& batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || finished_; });
  if (ready_.empty()) {
    if (failure_) std::rethrow_exception(failure_);
    return false;
  }
  batch = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return true;
}

Loader::Iterator& Loader::Iterator::operator++() {
  if (!loader_->next(loader_->current_)) loader_ = nullptr;
  return *this;
}

Batch Loader::make_batch(int epoch, std::int64_t number) const {
  const std::int64_t first = number * options_.batch;
  const std::int64_t count = std::min<std::int64_t>(options_.batch, data_.size() - first);
  const std::span<const std::uint32_t> indices(order_.data() + first, count);
  Batch batch;
  batch.epoch = epoch;
  batch.step = epoch * batches_per_epoch() + number;
  batch.steps_per_epoch = batches_per_epoch();
  batch.last_of_epoch = number + 1 == batches_per_epoch();
  batch.labels.resize(count);
  for (std::int64_t i = 0; i < count; ++i) batch.labels[i] = data_.labels[indices[i]];
  // All lanes even for a small last batch: training needs them, and a halo for a 3x3 convolution.
  batch.images = Tensor::empty({count, data_.channels, data_.height, data_.width},
                               Layout::for_batch(count, true, 1));
  batch.images.mutable_data();
  write_batch(data_, indices, options_.normalisation, options_,
              Rng(options_.seed).split(augment_stream(epoch)).next(), batch.images.planes());
  return batch;
}

void Loader::produce() {
  flush_denormals();
  try {
    for (int epoch = options_.first_epoch; epoch < epochs_; ++epoch) {
      std::iota(order_.begin(), order_.end(), 0u);
      if (options_.shuffle)
        Rng(options_.seed)
            .split(order_stream(epoch))
            .shuffle(order_.data(), static_cast<std::uint32_t>(order_.size()));
      std::int64_t number = epoch == options_.first_epoch ? options_.first_step : 0;
      for (; number < batches_per_epoch(); ++number) {
        Batch batch = make_batch(epoch, number);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ready_.size() < kAhead || stop_; });
        if (stop_) return;
        ready_.push_back(std::move(batch));
        changed_.notify_all();
      }
    }
  } catch (...) {
    std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
  }
  std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

}  // namespace espalier::datasets
