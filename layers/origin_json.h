// Origin as JSON, a part of the topology.
#pragma once

#include <nlohmann/json.hpp>

#include "layers/model.h"

namespace espalier::layers {

// {"layers":{"conv1":{"units":16,"weights":432,"macs":442368},...},
//  "left":{"layers":1,"filters":16,"neurons":0}}
nlohmann::ordered_json to_json(const Origin& origin);

// The text may come from anyone: an Error where something is missing, unknown, no number or out of
// range, or where a layer of the model has more than it is said to have had.
Origin origin_of(const nlohmann::ordered_json& json, const Model& model);

}  // namespace espalier::layers
