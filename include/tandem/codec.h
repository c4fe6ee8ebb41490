/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategies and codec pairs: feature tensor to bytes and back.
 */
#ifndef TANDEM_CODEC_H
#define TANDEM_CODEC_H

#include <tandem/base.h>
#include <tandem/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Statistics of one tensor over the calibration pictures; opaque, immutable, reference counted.
 * Comes from a bundle (td_model_calibration()) or from bytes.
 */
typedef struct td_calibration td_calibration;

TD_API td_calibration *td_calibration_ref(td_calibration *calibration);
TD_API void td_calibration_unref(td_calibration *calibration);

/*
 * An encoder and decoder of one feature tensor, built from a strategy string `stage[+stage]`, a
 * stage being `name[:key=value,...]`, such as "uniform:levels=16,clip=3.3+jpeg:quality=50".
 * docs/strategies.md has the grammar and every stage. A codec is used by one thread at a time.
 */
typedef struct td_codec td_codec;

/*
 * Builds a codec for tensors of `layout`. `calibration` may be NULL where the strategy does not use
 * it, and is referenced where it does. TD_STRATEGY for a string that does not parse or does not fit
 * the layout (err->offset is the position in the string), TD_NOT_FOUND where a calibration is
 * needed and missing, TD_MISMATCH where it is of another tensor, TD_ARGUMENT for a layout that is
 * neither float32 in CHW order nor an 8-bit picture in HWC order, TD_LIMIT above 2^28 elements.
 */
TD_API td_status td_codec_open(const char *strategy, const td_layout *layout,
                               td_calibration *calibration, td_codec **out, td_error *err);
TD_API void td_codec_close(td_codec *codec);

/* The strategy with every setting written out, e.g. "uniform:levels=256,clip=3.3+pack". Owned by
 * the codec. */
TD_API const char *td_codec_strategy(const td_codec *codec);

/* Most bytes that one encoded tensor can have. */
TD_API size_t td_codec_bound(const td_codec *codec);

/*
 * Encodes one tensor (dense, in the codec's layout) into `out`, which has room for `out_bytes`;
 * td_codec_bound() always suffices, TD_LIMIT where it does not. *written is set on success only.
 * NaN becomes the interval's middle, infinities its ends. Does not block.
 */
TD_API td_status td_codec_encode(td_codec *codec, const void *features, uint8_t *out,
                                 size_t out_bytes, size_t *written, td_error *err);

/*
 * Decodes one tensor into `features` (room for the layout). Any bytes are safe: what is not an
 * encoded tensor of this codec is TD_FORMAT or TD_LIMIT, and `features` then holds unspecified
 * values.
 */
TD_API td_status td_codec_decode(td_codec *codec, const uint8_t *bytes, size_t bytes_count,
                                 void *features, td_error *err);

/* Whether the strategy string uses calibration. TD_STRATEGY where it does not parse. */
TD_API td_status td_strategy_uses_calibration(const char *strategy, int *out, td_error *err);

/* What a stage is, for help texts and interfaces. All pointers are to static storage. */
typedef enum td_stage_kind {
    TD_STAGE_QUANTIZER = 0, /* floats to levels */
    TD_STAGE_LEVELS = 1,    /* levels to bytes; follows a quantizer, or `picture` */
    TD_STAGE_FLOATS = 2,    /* floats to bytes; stands alone */
    TD_STAGE_PICTURE = 3 /* the cut `input` only: passes the 8-bit picture on to a picture codec */
} td_stage_kind;

typedef struct td_setting_info {
    const char *name;
    const char *range;    /* "2..65536" */
    const char *fallback; /* its default as text; NULL: required, or optional without a value */
    const char *help;
} td_setting_info;

typedef struct td_stage_info {
    const char *name;
    td_stage_kind kind;
    const char *help;
    const td_setting_info *settings;
    size_t setting_count;
} td_stage_info;

TD_API size_t td_stage_count(void);
/* NULL past the end. */
TD_API const td_stage_info *td_stage_at(size_t index);

#ifdef __cplusplus
}
#endif

#endif
