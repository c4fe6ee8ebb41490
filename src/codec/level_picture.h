/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levels as one grey picture for the picture codecs: mapped to samples and tiled to the near-square
 * grid, and back.
 */
#ifndef TDI_CODEC_LEVEL_PICTURE_H
#define TDI_CODEC_LEVEL_PICTURE_H

#include "codec/stage.h"
#include "tensor/tile.h"

typedef struct tdi_level_picture {
    td_grid grid;
    int32_t channels, levels;
    int32_t width, height; /* of the picture */
    size_t elements;
    uint16_t fill;       /* sample of unused tiles: what the middle level is mapped to */
    uint8_t *chw;        /* [elements], 8-bit samples before tiling */
    uint8_t *samples8;   /* [width * height], or NULL */
    uint16_t *samples16; /* [width * height], or NULL */
    uint8_t to_sample[256];
    uint8_t to_level[256];
} tdi_level_picture;

/*
 * For 8-bit samples over the whole range 0..255, whatever the number of levels (at most 256):
 * sample = round(level * 255 / (levels - 1)), and back to the nearest level.
 */
td_status tdi_level_picture_init_spread(tdi_level_picture *p, const tdi_stage_context *context,
                                        td_error *err);
/* For samples that are the levels themselves, 16 bits wide above 256 levels. */
td_status tdi_level_picture_init_plain(tdi_level_picture *p, const tdi_stage_context *context,
                                       td_error *err);
void tdi_level_picture_fini(tdi_level_picture *p);

/* Fills samples8 or samples16 from levels. */
void tdi_level_picture_put(tdi_level_picture *p, const uint16_t *levels);
/* Levels from samples8 or samples16. TD_FORMAT where a plain sample is no level; a spread one
 * always is. */
td_status tdi_level_picture_take(const tdi_level_picture *p, uint16_t *levels, td_error *err);

#endif
