/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strategy bound to a cut: one codec for each of its tensors, their bytes laid end to end.
 */
#include <string.h>

#include "pipeline/model.h"

struct tdi_coder {
    size_t tensor_count;
    td_codec *codecs[TDI_CUT_TENSORS_MAX];
    void *decoded[TDI_CUT_TENSORS_MAX];
    int64_t elements;
    size_t bound;
    tdi_hash calibration_hash;
};

static td_status open_tensor(tdi_coder *coder, const char *strategy, const td_layout *layout,
                             td_calibration *calibration, td_error *err) {
    size_t i = coder->tensor_count++;
    int64_t elements = td_layout_elements(layout);
    TD_TRY(td_codec_open(strategy, layout, calibration, &coder->codecs[i], err));
    coder->decoded[i] = tdi_malloc_aligned((size_t)elements * td_dtype_bytes(layout->dtype));
    if (!coder->decoded[i])
        return tdi_fail_memory(err);
    coder->elements += elements;
    coder->bound += td_codec_bound(coder->codecs[i]);
    return TD_OK;
}

td_status tdi_coder_open(td_model *model, const char *cut, const char *strategy, tdi_coder **out,
                         td_error *err) {
    tdi_place place;
    td_layout layouts[TDI_CUT_TENSORS_MAX];
    const tdi_calibration_set *set = NULL;
    TD_TRY(tdi_place_resolve(model, cut, &place, err));
    TD_TRY(tdi_place_layouts(model, &place, layouts, err));
    TD_TRY(tdi_model_calibration_for(model, &place, strategy, &set, err));
    tdi_coder *coder = tdi_calloc(1, sizeof *coder);
    if (!coder)
        return tdi_fail_memory(err);
    if (set)
        coder->calibration_hash = set->hash;
    for (int i = 0; i < place.cut.tensor_count; i++) {
        td_status status = open_tensor(coder, strategy, &layouts[i], set ? set->tensors[i] : NULL,
                                       err);
        if (status) {
            tdi_coder_close(coder);
            return status;
        }
    }
    *out = coder;
    return TD_OK;
}

void tdi_coder_close(tdi_coder *coder) {
    if (!coder)
        return;
    for (size_t i = 0; i < coder->tensor_count; i++) {
        td_codec_close(coder->codecs[i]);
        tdi_free_aligned(coder->decoded[i]);
    }
    tdi_free(coder);
}

const char *tdi_coder_strategy(const tdi_coder *coder) {
    return td_codec_strategy(coder->codecs[0]);
}
size_t tdi_coder_tensor_count(const tdi_coder *coder) {
    return coder->tensor_count;
}
size_t tdi_coder_bound(const tdi_coder *coder) {
    return coder->bound;
}
int64_t tdi_coder_elements(const tdi_coder *coder) {
    return coder->elements;
}
tdi_hash tdi_coder_calibration_hash(const tdi_coder *coder) {
    return coder->calibration_hash;
}

td_status tdi_coder_encode(tdi_coder *coder, const void *const *features, uint8_t *out,
                           size_t out_bytes, uint32_t *sizes, size_t *written, td_error *err) {
    size_t at = 0;
    for (size_t i = 0; i < coder->tensor_count; i++) {
        size_t size = 0;
        TD_TRY(
            td_codec_encode(coder->codecs[i], features[i], out + at, out_bytes - at, &size, err));
        if (size > UINT32_MAX)
            return tdi_fail(err, TD_LIMIT, "tensor %zu of the cut takes more than 4 GiB encoded",
                            i);
        sizes[i] = (uint32_t)size;
        at += size;
    }
    *written = at;
    return TD_OK;
}

td_status tdi_coder_decode(tdi_coder *coder, const uint8_t *bytes, size_t bytes_count,
                           const uint32_t *sizes, size_t size_count, const void **features,
                           td_error *err) {
    if (size_count != coder->tensor_count)
        return tdi_fail(err, TD_FORMAT, "the frame has %zu tensors where the cut has %zu",
                        size_count, coder->tensor_count);
    size_t left = bytes_count;
    for (size_t i = 0; i < size_count; i++) {
        if (sizes[i] > left)
            return tdi_fail(err, TD_FORMAT,
                            "tensor %zu of the frame claims %u bytes where %zu are left", i,
                            (unsigned)sizes[i], left);
        left -= sizes[i];
    }
    if (left)
        return tdi_fail(err, TD_FORMAT, "the frame has %zu bytes more than its tensors", left);
    for (size_t i = 0; i < size_count; i++) {
        TD_TRY(td_codec_decode(coder->codecs[i], bytes, sizes[i], coder->decoded[i], err));
        features[i] = coder->decoded[i];
        bytes += sizes[i];
    }
    return TD_OK;
}
