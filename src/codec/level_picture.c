/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levels as one grey picture.
 */
#include "codec/level_picture.h"

#include <string.h>

#include "base/memory.h"

static td_status init(tdi_level_picture *p, const tdi_stage_context *context, int wide,
                      td_error *err) {
    memset(p, 0, sizeof *p);
    p->grid = td_grid_near_square(&context->layout);
    p->channels = context->layout.channels;
    p->levels = context->levels;
    p->elements = context->elements;
    p->width = tdi_grid_width(&p->grid);
    p->height = tdi_grid_height(&p->grid);
    size_t samples = (size_t)p->width * (size_t)p->height;
    if (wide) {
        p->samples16 = tdi_malloc(samples * sizeof *p->samples16);
    } else {
        p->chw = tdi_malloc(p->elements);
        p->samples8 = tdi_malloc(samples);
    }
    if (wide ? !p->samples16 : !p->chw || !p->samples8) {
        tdi_level_picture_fini(p);
        return tdi_fail_memory(err);
    }
    return TD_OK;
}

td_status tdi_level_picture_init_spread(tdi_level_picture *p, const tdi_stage_context *context,
                                        td_error *err) {
    TD_TRY(init(p, context, 0, err));
    int32_t top = p->levels - 1;
    for (int32_t i = 0; i < 256; i++) {
        p->to_sample[i] = (uint8_t)(i < top ? (i * 510 + top) / (2 * top) : 255);
        p->to_level[i] = (uint8_t)((i * 2 * top + 255) / 510);
    }
    p->fill = p->to_sample[p->levels / 2];
    return TD_OK;
}

td_status tdi_level_picture_init_plain(tdi_level_picture *p, const tdi_stage_context *context,
                                       td_error *err) {
    TD_TRY(init(p, context, context->levels > 256, err));
    for (int32_t i = 0; i < 256; i++)
        p->to_sample[i] = p->to_level[i] = (uint8_t)i;
    p->fill = (uint16_t)(p->levels / 2);
    return TD_OK;
}

void tdi_level_picture_fini(tdi_level_picture *p) {
    tdi_free(p->chw);
    tdi_free(p->samples8);
    tdi_free(p->samples16);
    memset(p, 0, sizeof *p);
}

void tdi_level_picture_put(tdi_level_picture *p, const uint16_t *levels) {
    if (p->samples16) {
        tdi_tile_u16(&p->grid, p->channels, levels, p->samples16, p->fill);
        return;
    }
    for (size_t i = 0; i < p->elements; i++)
        p->chw[i] = p->to_sample[levels[i] & 0xff];
    tdi_tile_u8(&p->grid, p->channels, p->chw, p->samples8, (uint8_t)p->fill);
}

td_status tdi_level_picture_take(const tdi_level_picture *p, uint16_t *levels, td_error *err) {
    uint16_t highest = 0;
    if (p->samples16) {
        tdi_untile_u16(&p->grid, p->channels, p->samples16, levels);
    } else {
        tdi_untile_u8(&p->grid, p->channels, p->samples8, p->chw);
        for (size_t i = 0; i < p->elements; i++)
            levels[i] = p->to_level[p->chw[i]];
    }
    for (size_t i = 0; i < p->elements; i++)
        highest = levels[i] > highest ? levels[i] : highest;
    if (highest >= p->levels)
        return tdi_fail(err, TD_FORMAT,
                        "the picture holds the sample %u, which is none of %d levels",
                        (unsigned)highest, (int)p->levels);
    return TD_OK;
}
