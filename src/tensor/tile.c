/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiling for 8 and 16-bit samples, row of a tile by row of a tile.
 */
#include "tensor/tile.h"

#include <string.h>

/* Where row `y` of channel `c` begins in the picture, in samples. */
static size_t tile_offset(const td_grid *grid, int32_t c, int32_t y) {
    size_t row = (size_t)(c / grid->columns) * (size_t)grid->tile_height + (size_t)y;
    return row * (size_t)tdi_grid_width(grid) +
           (size_t)(c % grid->columns) * (size_t)grid->tile_width;
}

static void tile(const td_grid *grid, int32_t channels, const uint8_t *chw, uint8_t *picture,
                 size_t sample_bytes) {
    size_t row_bytes = (size_t)grid->tile_width * sample_bytes;
    for (int32_t c = 0; c < channels; c++)
        for (int32_t y = 0; y < grid->tile_height; y++, chw += row_bytes)
            memcpy(picture + tile_offset(grid, c, y) * sample_bytes, chw, row_bytes);
}

static void untile(const td_grid *grid, int32_t channels, const uint8_t *picture, uint8_t *chw,
                   size_t sample_bytes) {
    size_t row_bytes = (size_t)grid->tile_width * sample_bytes;
    for (int32_t c = 0; c < channels; c++)
        for (int32_t y = 0; y < grid->tile_height; y++, chw += row_bytes)
            memcpy(chw, picture + tile_offset(grid, c, y) * sample_bytes, row_bytes);
}

static size_t picture_samples(const td_grid *grid) {
    return (size_t)tdi_grid_width(grid) * (size_t)tdi_grid_height(grid);
}

void tdi_tile_u8(const td_grid *grid, int32_t channels, const uint8_t *chw, uint8_t *picture,
                 uint8_t fill) {
    memset(picture, fill, picture_samples(grid));
    tile(grid, channels, chw, picture, 1);
}

void tdi_untile_u8(const td_grid *grid, int32_t channels, const uint8_t *picture, uint8_t *chw) {
    untile(grid, channels, picture, chw, 1);
}

void tdi_tile_u16(const td_grid *grid, int32_t channels, const uint16_t *chw, uint16_t *picture,
                  uint16_t fill) {
    for (size_t i = 0, n = picture_samples(grid); i < n; i++)
        picture[i] = fill;
    tile(grid, channels, (const uint8_t *)chw, (uint8_t *)picture, 2);
}

void tdi_untile_u16(const td_grid *grid, int32_t channels, const uint16_t *picture, uint16_t *chw) {
    untile(grid, channels, (const uint8_t *)picture, (uint8_t *)chw, 2);
}
