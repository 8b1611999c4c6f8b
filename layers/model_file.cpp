// Model files: writing and reading.
#include "layers/model_file.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <list>
#include <set>
#include <sstream>

#include "core/error.h"
#include "layers/state_dict.h"
#include "layers/topology.h"
#include "layers/visit.h"

namespace espalier::layers {
namespace {

const std::string kTopology = "espalier.topology";
const std::string kZeros = "espalier.zeros_are_pruned";  // names, each with a space behind it
const std::string kFormat = "format";  // "pt": what Python libraries look for before they load

// The smallest type that holds the largest index.
DType index_type(std::int64_t largest) {
  return largest <= 0xff ? DType::U8 : largest <= 0xffff ? DType::U16 : DType::U32;
}

// Indices in as many bytes as the type has; the low ones come first.
std::vector<std::byte> narrowed(std::span<const std::uint32_t> indices, DType type) {
  const std::size_t size = dtype_size(type);
  std::vector<std::byte> bytes(indices.size() * size);
  for (std::size_t i = 0; i < indices.size(); ++i)
    std::memcpy(bytes.data() + i * size, &indices[i], size);
  return bytes;
}

// As many as the file has: nothing is allocated for those that it only promises.
std::vector<std::uint32_t> indices(const SafeTensors& file, const std::string& name, DType type,
                                   std::int64_t count) {
  const auto bytes = file.at(name, type, {count}).bytes;
  const std::size_t size = dtype_size(type);
  std::vector<std::uint32_t> indices(bytes.size() / size, 0);
  for (std::size_t i = 0; i < indices.size(); ++i)
    std::memcpy(&indices[i], bytes.data() + i * size, size);
  return indices;
}

// The pattern of a weight of this dense shape, for as many values as the file has; null where the
// file has neither list. Whatever the file holds, the outcome is a pattern in order or an Error
// that names file and tensor.
Pattern read_pattern(const SafeTensors& file, const std::string& name, const Shape& dense) {
  constexpr std::int64_t kMostNonzero = std::numeric_limits<std::int32_t>::max();
  if (!file.contains(name + kColumns) && !file.contains(name + kRowStarts)) return {};
  const auto& sizes = file.at(name).shape;
  check(sizes.size() == 1 && sizes[0] <= kMostNonzero && sizes[0] <= dense.numel(), file.path(),
        ": tensor ", name, ": found shape ", Shape(sizes).str(), ", expected at most ",
        std::min(kMostNonzero, dense.numel()), " values for its columns");
  const std::int64_t nonzero = sizes[0], rows = dense[0], row_size = dense.numel() / rows;
  auto starts = indices(file, name + kRowStarts, index_type(nonzero), rows + 1);
  auto columns = indices(file, name + kColumns, index_type(row_size - 1), nonzero);
  try {
    return std::make_shared<const SparsePattern>(dense, std::move(starts), std::move(columns));
  } catch (const Error& error) {
    fail(file.path(), ": tensor ", name, ": ", error.what());
  }
}

class Writer {
 public:
  Writer(SafeTensorsWriter& file, const SaveOptions& options) : file_(file), options_(options) {}

  void add(const StateItem& item) {
    if (item.counter)
      file_.add(item.name, DType::I64, {}, std::as_bytes(std::span(item.counter, 1)));
    if (item.parameter && item.tensor->defined()) add_beside(item.name, *item.parameter);
    if (item.tensor) add(item.name, *item.tensor);
  }
  void add(const std::string& name, const Tensor& tensor) {
    check(tensor.defined(), "save: found no tensor for ", name, ", expected an initialised model");
    const float* values =
        tensor.layout().plain() ? tensor.data() : rows_.emplace_back(tensor.to_vector()).data();
    file_.add(name, tensor.shape().sizes(), {values, static_cast<std::size_t>(tensor.numel())});
  }

 private:
  void add_beside(const std::string& name, const Parameter& p) {
    if (const Pattern& pattern = p.pattern()) {
      add_indices(name + kColumns, pattern->columns(), index_type(pattern->row_size() - 1));
      add_indices(name + kRowStarts, pattern->row_starts(), index_type(pattern->nonzero()));
    }
    if (p.mask() && !options_.masks)
      file_.metadata(kZeros, zeros_ += name + " ");
    else if (p.mask())
      file_.add(name + kMask, DType::U8, p.shape().sizes(), std::as_bytes(mask_bytes(p)));
    if (!options_.states) return;
    for (const auto& [key, tensor] : p.states()) add(name + kState + key, tensor);
  }
  void add_indices(const std::string& name, std::span<const std::uint32_t> list, DType type) {
    indices_.push_back(narrowed(list, type));
    file_.add(name, type, {std::ssize(list)}, indices_.back());
  }

  SafeTensorsWriter& file_;
  const SaveOptions& options_;
  std::string zeros_;
  // The writer keeps no copies.
  std::list<std::vector<float>> rows_;  // of tensors in lanes
  std::list<std::vector<std::byte>> indices_;
};

// Reads everything first, so that a model is either filled whole or left as it was.
class Reader {
 public:
  Reader(const SafeTensors& file, bool own) : file_(file), own_(own) {
    const auto names = file.metadata().find(kZeros);
    if (names == file.metadata().end()) return;
    std::istringstream split(names->second);
    for (std::string name; split >> name;) zeros_.insert(name);
  }

  void read(const StateItem& item) {
    Found found{.item = item};
    if (item.counter) {
      if (file_.contains(item.name) && (own_ || file_.at(item.name).dtype == DType::I64))
        std::memcpy(&found.count, file_.at(item.name, DType::I64, {}).bytes.data(),
                    sizeof found.count);
    } else {
      if (item.any_format) found.pattern = read_pattern(file_, item.name, item.shape);
      const Shape shape = found.pattern ? Shape{found.pattern->nonzero()} : item.shape;
      found.value = floats(item.name, shape);
      if (item.parameter) read_beside(item.name, shape, found);
    }
    found_.push_back(std::move(found));
  }

  void fill() {
    check(zeros_.empty(), file_.path(), ": metadata ", kZeros, ": found ",
          zeros_.empty() ? "" : *zeros_.begin(),
          ", expected names of this model's parameters only");
    for (auto& [item, value, mask, pattern, states, count] : found_) {
      if (item.counter) {
        *item.counter = count;
      } else if (item.parameter) {
        Parameter& p = *item.parameter;
        if (!p.defined()) p = Parameter(value, item.name);
        p.assign(value, mask, std::move(states), pattern);
      } else {
        if (!item.tensor->defined()) *item.tensor = value;
        item.tensor->copy_from(value);
      }
    }
  }

 private:
  struct Found {
    StateItem item;
    Tensor value = {};
    std::vector<std::uint8_t> mask = {};
    Pattern pattern = {};
    std::map<std::string, Tensor> states = {};
    std::int64_t count = 0;
  };

  void read_beside(const std::string& name, const Shape& shape, Found& found) {
    found.mask = mask(name + kMask, shape);
    if (zeros_.erase(name) > 0 && found.mask.empty()) found.mask = nonzeros(found.value);
    const std::string start = name + kState;
    const auto& all = file_.tensors();
    for (auto it = all.lower_bound(start); own_ && it != all.end() && it->first.starts_with(start);
         ++it)
      found.states[it->first.substr(start.size())] = floats(it->first, shape);
  }
  Tensor floats(const std::string& name, const Shape& shape) {
    return Tensor::from(shape, file_.floats(name, shape.sizes()));
  }
  std::vector<std::uint8_t> mask(const std::string& name, const Shape& shape) {
    if (!file_.contains(name)) return {};
    const auto bytes = file_.at(name, DType::U8, shape.sizes()).bytes;
    std::vector<std::uint8_t> mask(bytes.size());
    std::memcpy(mask.data(), bytes.data(), bytes.size());
    check(std::all_of(mask.begin(), mask.end(), [](auto m) { return m <= 1; }), file_.path(),
          ": tensor ", name, ": found a value above 1, expected 0 or 1");
    return mask;
  }

  // Empty where nothing is zero.
  static std::vector<std::uint8_t> nonzeros(const Tensor& value) {
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(value.numel()));
    std::transform(value.data(), value.data() + value.numel(), mask.begin(),
                   [](float v) { return v != 0; });
    if (std::find(mask.begin(), mask.end(), 0) == mask.end()) mask.clear();
    return mask;
  }

  const SafeTensors& file_;
  bool own_;                     // written by save()
  std::set<std::string> zeros_;  // parameters whose zeros are pruned
  std::vector<Found> found_;
};

void read_into(const Model& model, const SafeTensors& file, bool own) {
  check_names(model, file);
  Reader reader(file, own);
  for (const StateItem& item : state_of(model.graph())) reader.read(item);
  reader.fill();
}

void read_weights(const Model& model, SafeTensors file) {
  rename_for(model, file);
  read_into(model, file, false);
}

Model model_in(const SafeTensors& file) {
  const auto& metadata = file.metadata();
  const auto found = metadata.find(kTopology);
  check(found != metadata.end(), file.path(), ": found no topology, expected the metadata ",
        kTopology, " (the weights alone fill a model that is there already)");
  const Model model = from_topology(found->second, file.path());
  read_into(model, file, true);
  return model;
}

}  // namespace

void save(const Model& model, const std::string& path, const SaveOptions& options) {
  SafeTensorsWriter file;
  for (const auto& [key, value] : options.metadata) {
    check(key != kTopology && key != kFormat && key != kZeros, "save: found metadata named ", key,
          ", expected another name, since the model's own stands there");
    file.metadata(key, value);
  }
  file.metadata(kFormat, "pt");
  file.metadata(kTopology, topology(model));
  Writer writer(file, options);
  for (const StateItem& item : state_of(model.graph())) writer.add(item);
  for (const auto& [name, tensor] : options.tensors) writer.add(kExtra + name, tensor);
  file.write(path);
}

ModelFile load_file(const std::string& path, const ModelMaker& make) {
  return load_file(SafeTensors::read(path), make);
}

ModelFile load_file(SafeTensors file, const ModelMaker& make) {
  if (make && !file.metadata().contains(kTopology)) {
    const Model model = make(file);
    auto metadata = file.metadata();
    metadata.erase(kFormat);
    read_weights(model, std::move(file));
    return {model, {}, std::move(metadata)};
  }
  ModelFile result{model_in(file), {}, file.metadata()};
  result.metadata.erase(kTopology);
  result.metadata.erase(kFormat);
  result.metadata.erase(kZeros);
  for (const auto& [name, stored] : file.tensors()) {
    if (!name.starts_with(kExtra)) continue;
    check(stored.shape.size() <= kMaxRank, file.path(), ": tensor ", name, ": found ",
          stored.shape.size(), " dimensions, expected at most ", kMaxRank);
    result.tensors[name.substr(kExtra.size())] =
        Tensor::from(Shape(stored.shape), file.floats(name, stored.shape));
  }
  return result;
}

Model load(const std::string& path) { return model_in(SafeTensors::read(path)); }

void load_weights(const Model& model, const std::string& path) {
  read_weights(model, SafeTensors::read(path));
}

}  // namespace espalier::layers
