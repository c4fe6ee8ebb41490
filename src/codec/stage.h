/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stage of a strategy is: its entry in the registry, its settings as parsed, and the
 * functions that the coordinator (codec.c) calls. One file per stage implements one `const
 * tdi_stage`.
 */
#ifndef TDI_CODEC_STAGE_H
#define TDI_CODEC_STAGE_H

#include <tandem/codec.h>

#include "base/status.h"

#define TDI_SETTINGS_MAX       8
#define TDI_CODEC_ELEMENTS_MAX ((int64_t)1 << 28)

typedef enum tdi_setting_type {
    TDI_SETTING_INTEGER,
    TDI_SETTING_NUMBER /* kept as float, so that its text reads back to the same value */
} tdi_setting_type;

/* Belongs to the td_setting_info of the same index; min and max are what its `range` says. */
typedef struct tdi_setting_rule {
    tdi_setting_type type;
    double min, max;
} tdi_setting_rule;

typedef enum tdi_setting_origin {
    TDI_SETTING_UNSET,
    TDI_SETTING_DEFAULT,
    TDI_SETTING_GIVEN
} tdi_setting_origin;

typedef struct tdi_stage tdi_stage;

/* One stage of a parsed strategy; arrays are indexed as the stage's settings. */
typedef struct tdi_stage_spec {
    const tdi_stage *stage;
    size_t position; /* of the name in the strategy string */
    tdi_setting_origin origin[TDI_SETTINGS_MAX];
    size_t setting_position[TDI_SETTINGS_MAX];
    double value[TDI_SETTINGS_MAX];
} tdi_stage_spec;

/* What a stage is opened for. */
typedef struct tdi_stage_context {
    td_layout layout;
    size_t elements;
    int32_t levels;                    /* of the quantizer in front of the stage; 0: none */
    const td_calibration *calibration; /* outlives the stage; NULL where the strategy uses none */
} tdi_stage_context;

/* The 8-bit HWC picture of the cut `input`, as opposed to a feature tensor. */
static inline int tdi_layout_is_picture(const td_layout *layout) {
    return layout->dtype == TD_DTYPE_U8 && layout->order == TD_ORDER_HWC;
}

/*
 * A quantizer that is one affine map for all elements: level = clamp(floor((x - min) / step + 0.5),
 * 0, levels - 1), and back min + level * step.
 */
typedef struct tdi_quantizer_affine {
    int32_t levels; /* 0: no quantizer, 1: float16, else 2..65536 */
    float min, step;
} tdi_quantizer_affine;

/* Floats to levels. Quantizing cannot fail; a level is below levels(). */
typedef struct tdi_quantizer_ops {
    int32_t (*levels)(const void *state);
    void (*quantize)(void *state, const float *in, uint16_t *levels);
    void (*dequantize)(void *state, const uint16_t *levels, float *out);
} tdi_quantizer_ops;

/*
 * Values to bytes. The values are uint16_t levels after a quantizer, the bytes of the picture after
 * `picture`, else elements of the layout. `bound` suffices for any values; encode returns TD_LIMIT,
 * with nothing written past out_bytes, where the room does not. decode takes any bytes, and gives
 * levels below the context's.
 */
typedef struct tdi_bytes_ops {
    size_t (*bound)(const void *state);
    td_status (*encode)(void *state, const void *values, uint8_t *out, size_t out_bytes,
                        size_t *written, td_error *err);
    td_status (*decode)(void *state, const uint8_t *bytes, size_t count, void *values,
                        td_error *err);
} tdi_bytes_ops;

/* What a stage can do beyond its kind. */
#define TDI_STAGE_TAKES_PICTURE                                                                    \
    1u /* the 8-bit picture: after `picture`, or alone where its kind is TD_STAGE_FLOATS */

struct tdi_stage {
    td_stage_info info;
    const tdi_setting_rule *rules; /* [info.setting_count] */
    unsigned capabilities;
    /* Settings that exclude or need each other; may unset a default that does not apply. NULL: any
     * combination. */
    td_status (*check)(tdi_stage_spec *spec, td_error *err);
    /* NULL: never. */
    int (*uses_calibration)(const tdi_stage_spec *spec);
    /* All buffers are made here. *state is unset on failure. NULL for a stage that only passes on.
     */
    td_status (*open)(const tdi_stage_spec *spec, const tdi_stage_context *context, void **state,
                      td_error *err);
    void (*close)(void *state);
    /* What it does to floats; NULL where no affine map says it, and where it sees no floats. */
    void (*affine)(const void *state, tdi_quantizer_affine *out);
    const tdi_quantizer_ops *quantizer; /* TD_STAGE_QUANTIZER */
    const tdi_bytes_ops *bytes;         /* TD_STAGE_LEVELS, TD_STAGE_FLOATS */
};

#define TDI_STAGE_MAP(X)                                                                           \
    X(raw)                                                                                         \
    X(f16)                                                                                         \
    X(uniform)                                                                                     \
    X(pack)                                                                                        \
    X(jpeg)                                                                                        \
    X(png)                                                                                         \
    X(picture)

#define TDI_STAGE_DECLARE(name) extern const tdi_stage tdi_stage_##name;
TDI_STAGE_MAP(TDI_STAGE_DECLARE)
#undef TDI_STAGE_DECLARE

size_t tdi_stage_count(void);
const tdi_stage *tdi_stage_at(size_t index);
/* The stage of that name, or NULL. */
const tdi_stage *tdi_stage_find(const char *name, size_t name_bytes);

/* The affine map of a codec's quantizer; TD_UNSUPPORTED where it has another kind of quantizer. */
td_status tdi_codec_affine(const td_codec *codec, tdi_quantizer_affine *out, td_error *err);

#endif
