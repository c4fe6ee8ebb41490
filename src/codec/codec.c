/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A codec: the stages of one strategy opened for one layout, run one after the other. Knows no
 * stage by name.
 */
#include <string.h>

#include "base/memory.h"
#include "calib/calib.h"
#include "codec/strategy.h"

typedef struct opened_stage {
    const tdi_stage *stage; /* NULL: none */
    void *state;
} opened_stage;

struct td_codec {
    tdi_strategy strategy;
    char *text;
    td_layout layout;
    td_calibration *calibration;
    opened_stage quantizer, coder; /* the coder writes the bytes */
    uint16_t *levels;              /* [elements], between the two */
    size_t bound;
};

static td_status check_layout(const td_layout *layout, td_error *err) {
    int picture = tdi_layout_is_picture(layout);
    if (!picture && (layout->dtype != TD_DTYPE_F32 || layout->order != TD_ORDER_CHW))
        return tdi_fail(
            err, TD_ARGUMENT,
            "a codec takes float32 tensors in CHW order or 8-bit pictures in HWC order, not %s",
            td_dtype_name(layout->dtype));
    if (layout->channels < 1 || layout->height < 1 || layout->width < 1)
        return tdi_fail(err, TD_ARGUMENT, "a codec needs a tensor with elements");
    if ((int64_t)layout->height * layout->width > TDI_CODEC_ELEMENTS_MAX / layout->channels)
        return tdi_fail(err, TD_LIMIT,
                        "a tensor of %dx%dx%d has more than the %lld elements that a codec takes",
                        (int)layout->channels, (int)layout->height, (int)layout->width,
                        (long long)TDI_CODEC_ELEMENTS_MAX);
    return TD_OK;
}

static td_status check_fit(const tdi_strategy *strategy, const td_layout *layout, td_error *err) {
    const tdi_stage_spec *first = &strategy->stages[0];
    const td_stage_info *info = &first->stage->info;
    if (tdi_layout_is_picture(layout)) {
        if (info->kind == TD_STAGE_PICTURE || first->stage->capabilities & TDI_STAGE_TAKES_PICTURE)
            return TD_OK;
        return tdi_fail_at(
            err, TD_STRATEGY, (int64_t)first->position,
            "\"%s\" codes float features, and the cut \"input\" sends the 8-bit picture: "
            "use \"picture+jpeg\", \"picture+png\" or \"raw\" there",
            info->name);
    }
    if (info->kind == TD_STAGE_PICTURE)
        return tdi_fail_at(
            err, TD_STRATEGY, (int64_t)first->position,
            "\"picture\" is for the cut \"input\" only: use a quantizer here, as in \"uniform+%s\"",
            strategy->stages[1].stage->info.name);
    return TD_OK;
}

static td_status check_calibration(const td_calibration *calibration, const td_layout *layout,
                                   td_error *err) {
    if (!calibration)
        return tdi_fail(err, TD_NOT_FOUND,
                        "the strategy needs a calibration of the tensor, and there is none: run "
                        "`tandem prepare`, "
                        "or give min and max");
    const td_layout *other = &calibration->layout;
    if (other->channels != layout->channels || other->height != layout->height ||
        other->width != layout->width)
        return tdi_fail(
            err, TD_MISMATCH,
            "the calibration is of \"%s\" with %dx%dx%d elements, and the tensor has %dx%dx%d",
            calibration->tensor, (int)other->channels, (int)other->height, (int)other->width,
            (int)layout->channels, (int)layout->height, (int)layout->width);
    return TD_OK;
}

static td_status open_stages(td_codec *codec, td_error *err) {
    tdi_stage_context context = {codec->layout, (size_t)td_layout_elements(&codec->layout), 0,
                                 codec->calibration};
    for (size_t i = 0; i < codec->strategy.count; i++) {
        const tdi_stage_spec *spec = &codec->strategy.stages[i];
        if (!spec->stage->open)
            continue;
        void *state;
        TD_TRY(spec->stage->open(spec, &context, &state, err));
        opened_stage *opened = spec->stage->quantizer ? &codec->quantizer : &codec->coder;
        opened->stage = spec->stage;
        opened->state = state;
        if (!spec->stage->quantizer)
            continue;
        context.levels = spec->stage->quantizer->levels(state);
        codec->levels = tdi_malloc(context.elements * sizeof *codec->levels);
        if (!codec->levels)
            return tdi_fail_memory(err);
    }
    codec->bound = codec->coder.stage->bytes->bound(codec->coder.state);
    return TD_OK;
}

td_status td_codec_open(const char *strategy, const td_layout *layout, td_calibration *calibration,
                        td_codec **out, td_error *err) {
    if (!strategy || !layout || !out)
        return tdi_fail(err, TD_ARGUMENT,
                        "td_codec_open needs a strategy, a layout and a place for the codec");
    td_codec *codec = tdi_calloc(1, sizeof *codec);
    if (!codec)
        return tdi_fail_memory(err);
    codec->layout = *layout;
    td_status status = tdi_strategy_parse(strategy, &codec->strategy, err);
    if (status == TD_OK)
        status = check_layout(layout, err);
    if (status == TD_OK)
        status = check_fit(&codec->strategy, layout, err);
    if (status != TD_OK)
        goto fail;
    if (tdi_strategy_uses_calibration(&codec->strategy)) {
        status = check_calibration(calibration, layout, err);
        if (status != TD_OK)
            goto fail;
        codec->calibration = td_calibration_ref(calibration);
    }
    status = open_stages(codec, err);
    if (status != TD_OK)
        goto fail;
    codec->text = tdi_strategy_format(&codec->strategy);
    if (!codec->text) {
        status = tdi_fail_memory(err);
        goto fail;
    }
    *out = codec;
    return TD_OK;
fail:
    td_codec_close(codec);
    return status;
}

void td_codec_close(td_codec *codec) {
    if (!codec)
        return;
    if (codec->quantizer.stage)
        codec->quantizer.stage->close(codec->quantizer.state);
    if (codec->coder.stage)
        codec->coder.stage->close(codec->coder.state);
    td_calibration_unref(codec->calibration);
    tdi_free(codec->levels);
    tdi_free(codec->text);
    tdi_free(codec);
}

const char *td_codec_strategy(const td_codec *codec) {
    return codec->text;
}

size_t td_codec_bound(const td_codec *codec) {
    return codec->bound;
}

td_status td_codec_encode(td_codec *codec, const void *features, uint8_t *out, size_t out_bytes,
                          size_t *written, td_error *err) {
    const void *values = features;
    if (!codec || !features || !out || !written)
        return tdi_fail(err, TD_ARGUMENT,
                        "td_codec_encode needs a codec, features and room for bytes");
    if (codec->quantizer.stage) {
        codec->quantizer.stage->quantizer->quantize(codec->quantizer.state, features,
                                                    codec->levels);
        values = codec->levels;
    }
    return codec->coder.stage->bytes->encode(codec->coder.state, values, out, out_bytes, written,
                                             err);
}

td_status td_codec_decode(td_codec *codec, const uint8_t *bytes, size_t bytes_count, void *features,
                          td_error *err) {
    if (!codec || !features || (!bytes && bytes_count))
        return tdi_fail(err, TD_ARGUMENT,
                        "td_codec_decode needs a codec, bytes and room for features");
    if (bytes_count > codec->bound)
        return tdi_fail(err, TD_LIMIT,
                        "%zu bytes are more than the %zu that a tensor of \"%s\" can have",
                        bytes_count, codec->bound, codec->text);
    if (bytes_count == 0)
        return tdi_fail_at(err, TD_FORMAT, 0, "an encoded tensor cannot be empty");
    void *values = codec->quantizer.stage ? codec->levels : features;
    TD_TRY(codec->coder.stage->bytes->decode(codec->coder.state, bytes, bytes_count, values, err));
    if (codec->quantizer.stage)
        codec->quantizer.stage->quantizer->dequantize(codec->quantizer.state, codec->levels,
                                                      features);
    return TD_OK;
}

td_status tdi_codec_affine(const td_codec *codec, tdi_quantizer_affine *out, td_error *err) {
    const opened_stage *first = codec->quantizer.stage ? &codec->quantizer : &codec->coder;
    if (!first->stage->affine)
        return tdi_fail(err, TD_UNSUPPORTED,
                        "\"%s\" cannot be written as layers of a network: use uniform, f16 or raw",
                        codec->strategy.stages[0].stage->info.name);
    first->stage->affine(first->state, out);
    return TD_OK;
}
