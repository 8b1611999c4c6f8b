// Model files: writing and reading.
#include "layers/model_file.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <set>
#include <sstream>

#include "core/error.h"
#include "layers/pattern_file.h"
#include "layers/state_dict.h"
#include "layers/topology.h"
#include "layers/visit.h"

namespace espalier::layers {
namespace {

const std::string kTopology = "espalier.topology";
const std::string kZeros = "espalier.zeros_are_pruned";  // names, each with a space behind it
const std::string kFormat = "format";  // "pt": what Python libraries look for before they load

class Write : public StateVisitor {
 public:
  Write(SafeTensorsWriter& file, const SaveOptions& options) : file_(file), options_(options) {}

  void parameter(const std::string& name, Parameter& p, const Shape&) override {
    if (p.defined() && p.pattern()) add_pattern(file_, name, *p.pattern(), indices_);
    buffer(name, p, {});
    if (p.mask() && !options_.masks)
      file_.metadata(kZeros, zeros_ += name + " ");
    else if (p.mask())
      file_.add(name + kMask, DType::U8, p.shape().sizes(),
                std::as_bytes(std::span(p.mask(), static_cast<std::size_t>(p.numel()))));
    if (!options_.states) return;
    for (auto& [key, tensor] : p.states()) buffer(name + kState + key, tensor, {});
  }
  void buffer(const std::string& name, Tensor& tensor, const Shape&) override { add(name, tensor); }
  void counter(const std::string& name, std::int64_t& count) override {
    file_.add(name, DType::I64, {}, std::as_bytes(std::span(&count, 1)));
  }

  void add(const std::string& name, const Tensor& tensor) {
    check(tensor.defined(), "save: found no tensor for ", name, ", expected an initialised model");
    const float* values =
        tensor.layout().plain() ? tensor.data() : rows_.emplace_back(tensor.to_vector()).data();
    file_.add(name, tensor.shape().sizes(), {values, static_cast<std::size_t>(tensor.numel())});
  }

 private:
  SafeTensorsWriter& file_;
  const SaveOptions& options_;
  std::string zeros_;
  std::list<std::vector<float>> rows_;  // of tensors in lanes: the writer keeps no copies
  std::list<std::vector<std::byte>> indices_;
};

// Reads everything first, so that a model is either filled whole or left as it was.
class Read : public StateVisitor {
 public:
  Read(const SafeTensors& file, bool own) : file_(file), own_(own) {
    const auto names = file.metadata().find(kZeros);
    if (names == file.metadata().end()) return;
    std::istringstream split(names->second);
    for (std::string name; split >> name;) zeros_.insert(name);
  }

  void weight(const std::string& name, Parameter& p, const Shape& dense) override {
    const Pattern pattern = read_pattern(file_, name, dense);
    add(name, p, pattern ? Shape{pattern->nonzero()} : dense, pattern);
  }
  void parameter(const std::string& name, Parameter& p, const Shape& shape) override {
    add(name, p, shape, {});
  }
  void buffer(const std::string& name, Tensor& tensor, const Shape& shape) override {
    buffers_.emplace_back(&tensor, floats(name, shape));
  }
  void counter(const std::string& name, std::int64_t& count) override {
    std::int64_t value = 0;
    if (file_.contains(name) && (own_ || file_.at(name).dtype == DType::I64))
      std::memcpy(&value, file_.at(name, DType::I64, {}).bytes.data(), sizeof value);
    counters_.emplace_back(&count, value);
  }

  void expect_no_zeros_elsewhere() const {
    if (!zeros_.empty())
      fail(file_.path(), ": metadata ", kZeros, ": found ", *zeros_.begin(),
           ", expected names of this model's parameters only");
  }

  void fill() {
    for (Found& found : parameters_) {
      if (!found.parameter->defined()) *found.parameter = Parameter(found.value, found.name);
      found.parameter->assign(found.value, found.mask, std::move(found.states), found.pattern);
    }
    for (auto& [tensor, value] : buffers_) {
      if (!tensor->defined()) *tensor = value;
      tensor->copy_from(value);
    }
    for (auto& [count, value] : counters_) *count = value;
  }

 private:
  struct Found {
    std::string name;
    Parameter* parameter;
    Tensor value;
    std::vector<std::uint8_t> mask;
    Pattern pattern;
    std::map<std::string, Tensor> states;
  };

  void add(const std::string& name, Parameter& p, const Shape& shape, const Pattern& pattern) {
    Found found{name, &p, floats(name, shape), mask(name + kMask, shape), pattern, {}};
    if (zeros_.erase(name) > 0 && found.mask.empty()) found.mask = nonzeros(found.value);
    const std::string start = name + kState;
    const auto& all = file_.tensors();
    for (auto it = all.lower_bound(start); own_ && it != all.end() && it->first.starts_with(start);
         ++it)
      found.states[it->first.substr(start.size())] = floats(it->first, shape);
    parameters_.push_back(std::move(found));
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
  std::vector<Found> parameters_;
  std::vector<std::pair<Tensor*, Tensor>> buffers_;
  std::vector<std::pair<std::int64_t*, std::int64_t>> counters_;
};

void read_into(const Model& model, const SafeTensors& file, bool own) {
  check_names(model, file);
  Read read(file, own);
  visit_state(model, read);
  read.expect_no_zeros_elsewhere();
  read.fill();
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
  Write write(file, options);
  visit_state(model, write);
  for (const auto& [name, tensor] : options.tensors) write.add(kExtra + name, tensor);
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
