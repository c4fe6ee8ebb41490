/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiling: the channels of a feature tensor as one grey picture, and back.
 */
#ifndef TDI_TENSOR_TILE_H
#define TDI_TENSOR_TILE_H

#include <tandem/tensor.h>

/* Width and height of the tiled picture. */
static inline int32_t tdi_grid_width(const td_grid *g) {
    return g->columns * g->tile_width;
}
static inline int32_t tdi_grid_height(const td_grid *g) {
    return g->rows * g->tile_height;
}

/* Channels as CHW samples into the picture, row by row of tiles; unused tiles get `fill`. */
void tdi_tile_u8(const td_grid *grid, int32_t channels, const uint8_t *chw, uint8_t *picture,
                 uint8_t fill);
void tdi_untile_u8(const td_grid *grid, int32_t channels, const uint8_t *picture, uint8_t *chw);
void tdi_tile_u16(const td_grid *grid, int32_t channels, const uint16_t *chw, uint16_t *picture,
                  uint16_t fill);
void tdi_untile_u16(const td_grid *grid, int32_t channels, const uint16_t *picture, uint16_t *chw);

#endif
