// Loader: the batches of some epochs, made ahead of training on a thread of their own. Order and
// augmentation of an epoch follow from the seed and the epoch's number alone, so training can go on
// from any step of any epoch as if it had never stopped.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "core/tensor.h"
#include "datasets/dataset.h"

namespace espalier::datasets {

struct LoaderOptions {
  int batch = 128;  // the last one of an epoch may be smaller
  int crop = 0;     // mirror so many pixels at the border, then cut out at random (He et al., 2016)
  bool flip = false;  // mirror left and right, for every other image on average
  bool shuffle = true;
  std::uint64_t seed = 0;
  int first_epoch = 0;               // where training goes on from
  std::int64_t first_step = 0;       // of that epoch: the batches before it are not made
  Normalisation normalisation = {};  // empty: that which the data has, or is found in it
};

// Writes the pictures with these indices into `to`, normalised, with zeros in halo and padding
// lanes. How a picture is cut and flipped, as the options say, follows from the seed and its index
// alone.
void write_batch(const Dataset& data, std::span<const std::uint32_t> indices,
                 const Normalisation& normalisation, const LoaderOptions& options,
                 std::uint64_t seed, const Planes& to);

struct Batch {
  Tensor images;  // [N, C, H, W] in lanes, normalised
  std::vector<std::int32_t, PoolAllocator<std::int32_t>> labels;
  int epoch = 0;
  std::int64_t step = 0;  // since the beginning of epoch 0
  std::int64_t steps_per_epoch = 1;
  bool last_of_epoch = false;
};

class Loader {
 public:
  // Epochs first_epoch ... epochs - 1. The data set has to outlive the loader, so that a temporary
  // one is refused.
  Loader(const Dataset& data, int epochs, const LoaderOptions& options = {});
  Loader(const Dataset&& data, int epochs, const LoaderOptions& options = {}) = delete;
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t batches_per_epoch() const;
  // Takes the next batch; false after the last one. What fails on the thread is thrown here.
  bool next(Batch& batch);

  // for (Batch& batch : loader): each batch lives until the next one is taken.
  class Iterator {
   public:
    explicit Iterator(Loader* loader) : loader_(loader) {}
    Batch& operator*() const { return loader_->current_; }
    Iterator& operator++();
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.loader_ == b.loader_; }

   private:
    Loader* loader_;
  };
  Iterator begin() { return ++Iterator(this); }
  Iterator end() { return Iterator(nullptr); }

 private:
  void produce();
  Batch make_batch(int epoch, std::int64_t number) const;

  const Dataset& data_;
  LoaderOptions options_;
  int epochs_;
  Batch current_;
  std::vector<std::uint32_t> order_;  // of the epoch being made

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch, PoolAllocator<Batch>> ready_;
  bool finished_ = false, stop_ = false;
  std::exception_ptr failure_;
  std::thread worker_;
};

// for (auto& batch : datasets::epochs(data.train, 12, {.batch = 128, .crop = 4, .flip = true}))
inline Loader epochs(const Dataset& data, int count, const LoaderOptions& options = {}) {
  return Loader(data, count, options);
}
Loader epochs(const Dataset&& data, int count, const LoaderOptions& options = {}) = delete;

}  // namespace espalier::datasets
