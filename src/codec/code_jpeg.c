/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `jpeg`: levels as a tiled grey JPEG, or the picture of the cut `input` as a colour or grey one.
 */
#include "base/memory.h"
#include "codec/jpeg_file.h"
#include "codec/level_picture.h"
#include "codec/stage.h"

enum { QUALITY, SETTING_COUNT };

static const td_setting_info settings[SETTING_COUNT] = {
    {"quality", "1..100", "90", "libjpeg's scale: 100 is nearly lossless"},
};

static const tdi_setting_rule rules[SETTING_COUNT] = {
    {TDI_SETTING_INTEGER, 1, 100},
};

typedef struct jpeg_state {
    tdi_jpeg_form form;
    int quality;
    int tiled; /* levels, through `levels`; else the picture as it is */
    tdi_level_picture levels;
} jpeg_state;

static void jpeg_close(void *state) {
    jpeg_state *s = state;
    if (!s)
        return;
    tdi_level_picture_fini(&s->levels);
    tdi_free(s);
}

static td_status form_of(const tdi_stage_context *context, size_t position, tdi_jpeg_form *out,
                         td_error *err) {
    const td_layout *layout = &context->layout;
    if (context->levels > 256)
        return tdi_fail_at(err, TD_STRATEGY, (int64_t)position,
                           "jpeg: 256 levels are the most for jpeg, and the quantizer has %d",
                           (int)context->levels);
    if (context->levels) {
        td_grid grid = td_grid_near_square(layout);
        out->width = tdi_grid_width(&grid);
        out->height = tdi_grid_height(&grid);
        out->channels = 1;
    } else if (layout->channels == 1 || layout->channels == 3) {
        out->width = layout->width;
        out->height = layout->height;
        out->channels = layout->channels;
    } else {
        return tdi_fail_at(
            err, TD_STRATEGY, (int64_t)position,
            "jpeg: a picture must have 1 or 3 channels, and this one has %d: use \"raw\"",
            (int)layout->channels);
    }
    if (out->width > TDI_JPEG_SIDE_MAX || out->height > TDI_JPEG_SIDE_MAX)
        return tdi_fail_at(err, TD_STRATEGY, (int64_t)position,
                           "jpeg: the picture would be %dx%d samples, and a side can have at most "
                           "%d: use pack or png",
                           (int)out->width, (int)out->height, TDI_JPEG_SIDE_MAX);
    return TD_OK;
}

static td_status jpeg_open(const tdi_stage_spec *spec, const tdi_stage_context *context,
                           void **state, td_error *err) {
    tdi_jpeg_form form;
    TD_TRY(form_of(context, spec->position, &form, err));
    jpeg_state *s = tdi_calloc(1, sizeof *s);
    if (!s)
        return tdi_fail_memory(err);
    s->form = form;
    s->quality = (int)spec->value[QUALITY];
    s->tiled = context->levels != 0;
    td_status status = s->tiled ? tdi_level_picture_init_spread(&s->levels, context, err) : TD_OK;
    if (status != TD_OK) {
        jpeg_close(s);
        return status;
    }
    *state = s;
    return TD_OK;
}

static size_t jpeg_bound(const void *state) {
    return tdi_jpeg_bound(&((const jpeg_state *)state)->form);
}

static td_status jpeg_encode(void *state, const void *values, uint8_t *out, size_t out_bytes,
                             size_t *written, td_error *err) {
    jpeg_state *s = state;
    const uint8_t *samples = values;
    if (s->tiled) {
        tdi_level_picture_put(&s->levels, values);
        samples = s->levels.samples8;
    }
    return tdi_jpeg_write(&s->form, s->quality, samples, out, out_bytes, written, err);
}

static td_status jpeg_decode(void *state, const uint8_t *bytes, size_t count, void *values,
                             td_error *err) {
    jpeg_state *s = state;
    if (!s->tiled)
        return tdi_jpeg_read(&s->form, bytes, count, values, err);
    TD_TRY(tdi_jpeg_read(&s->form, bytes, count, s->levels.samples8, err));
    return tdi_level_picture_take(&s->levels, values, err);
}

static const tdi_bytes_ops jpeg_ops = {jpeg_bound, jpeg_encode, jpeg_decode};

const tdi_stage tdi_stage_jpeg = {
    .info = {.name = "jpeg",
             .kind = TD_STAGE_LEVELS,
             .help = "baseline JPEG of the tiled levels (at most 256), or of the picture",
             .settings = settings,
             .setting_count = SETTING_COUNT},
    .rules = rules,
    .capabilities = TDI_STAGE_TAKES_PICTURE,
    .open = jpeg_open,
    .close = jpeg_close,
    .bytes = &jpeg_ops,
};
