// First layer: what a network's first convolution makes of a picture, as a picture.
#pragma once

#include <string>

#include "examples/cli/checkpoint.h"

namespace espalier::cli {

// An Error where the first layer with weights is none of convolutions, because its outputs lie
// nowhere in the picture.
void check_has_maps(const layers::Model& model);

// Writes a PNG file: the picture as the network gets it, and below it one square a channel of the
// first convolution, behind its batch norm and activation where these follow, from the map's
// smallest value (black) to its largest (white). All are magnified alike. Returns how many maps.
// max_pixels: of the image as it is in its file.
std::int64_t write_first_layer(const Checkpoint& checkpoint, const std::string& picture,
                               const std::string& out, std::int64_t max_pixels);

}  // namespace espalier::cli
