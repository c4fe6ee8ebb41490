/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `png`: levels as a tiled grey PNG of the least bit depth that holds them, or the picture of the
 * cut `input`. Lossless.
 */
#include "base/memory.h"
#include "codec/level_picture.h"
#include "codec/png_file.h"
#include "codec/stage.h"

enum { LEVEL, SETTING_COUNT };

static const td_setting_info settings[SETTING_COUNT] = {
    {"level", "0..9", "9", "zlib's effort: 0 stores, 1 is fastest, 9 smallest"},
};

static const tdi_setting_rule rules[SETTING_COUNT] = {
    {TDI_SETTING_INTEGER, 0, 9},
};

typedef struct png_state {
    tdi_png_form form;
    int level;
    int tiled; /* levels, through `levels`; else the picture as it is */
    tdi_level_picture levels;
} png_state;

static void png_close(void *state) {
    png_state *s = state;
    if (!s)
        return;
    tdi_level_picture_fini(&s->levels);
    tdi_free(s);
}

static int depth_of(int32_t levels) {
    return levels <= 2 ? 1 : levels <= 4 ? 2 : levels <= 16 ? 4 : levels <= 256 ? 8 : 16;
}

static td_status form_of(const tdi_stage_context *context, size_t position, tdi_png_form *out,
                         td_error *err) {
    const td_layout *layout = &context->layout;
    if (context->levels) {
        td_grid grid = td_grid_near_square(layout);
        tdi_png_form tiled = {tdi_grid_width(&grid), tdi_grid_height(&grid), 1,
                              depth_of(context->levels)};
        *out = tiled;
    } else if (layout->channels == 1 || layout->channels == 3) {
        tdi_png_form picture = {layout->width, layout->height, layout->channels, 8};
        *out = picture;
    } else {
        return tdi_fail_at(
            err, TD_STRATEGY, (int64_t)position,
            "png: a picture must have 1 or 3 channels, and this one has %d: use \"raw\"",
            (int)layout->channels);
    }
    if (out->width > TDI_PNG_SIDE_MAX || out->height > TDI_PNG_SIDE_MAX)
        return tdi_fail_at(err, TD_STRATEGY, (int64_t)position,
                           "png: the picture would be %dx%d samples, and a side can have at most "
                           "%d: use pack or raw",
                           (int)out->width, (int)out->height, TDI_PNG_SIDE_MAX);
    return TD_OK;
}

static td_status png_open(const tdi_stage_spec *spec, const tdi_stage_context *context,
                          void **state, td_error *err) {
    tdi_png_form form;
    TD_TRY(form_of(context, spec->position, &form, err));
    png_state *s = tdi_calloc(1, sizeof *s);
    if (!s)
        return tdi_fail_memory(err);
    s->form = form;
    s->level = (int)spec->value[LEVEL];
    s->tiled = context->levels != 0;
    td_status status = s->tiled ? tdi_level_picture_init_plain(&s->levels, context, err) : TD_OK;
    if (status != TD_OK) {
        png_close(s);
        return status;
    }
    *state = s;
    return TD_OK;
}

static size_t png_bound(const void *state) {
    return tdi_png_bound(&((const png_state *)state)->form);
}

static void *picture_samples(const png_state *s) {
    return s->levels.samples16 ? (void *)s->levels.samples16 : s->levels.samples8;
}

static td_status png_encode(void *state, const void *values, uint8_t *out, size_t out_bytes,
                            size_t *written, td_error *err) {
    png_state *s = state;
    const void *samples = values;
    if (s->tiled) {
        tdi_level_picture_put(&s->levels, values);
        samples = picture_samples(s);
    }
    return tdi_png_write(&s->form, s->level, samples, out, out_bytes, written, err);
}

static td_status png_decode(void *state, const uint8_t *bytes, size_t count, void *values,
                            td_error *err) {
    png_state *s = state;
    if (!s->tiled)
        return tdi_png_read(&s->form, bytes, count, values, err);
    TD_TRY(tdi_png_read(&s->form, bytes, count, picture_samples(s), err));
    return tdi_level_picture_take(&s->levels, values, err);
}

static const tdi_bytes_ops png_ops = {png_bound, png_encode, png_decode};

const tdi_stage tdi_stage_png = {
    .info = {.name = "png",
             .kind = TD_STAGE_LEVELS,
             .help = "lossless PNG of the tiled levels, or of the picture",
             .settings = settings,
             .setting_count = SETTING_COUNT},
    .rules = rules,
    .capabilities = TDI_STAGE_TAKES_PICTURE,
    .open = png_open,
    .close = png_close,
    .bytes = &png_ops,
};
