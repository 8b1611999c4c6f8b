// Json: what --json prints, logs hold and files carry as metadata. Keys in the order they were
// written.
#pragma once

#include <nlohmann/json.hpp>

namespace espalier::cli {

using Json = nlohmann::ordered_json;

}  // namespace espalier::cli
