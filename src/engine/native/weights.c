/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded weights in the form that a kernel reads, shared by all programs that want the same.
 */
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "engine/native/backend.h"
#include "engine/native/lanes.h"

typedef struct job {
    const tdi_weights *weights;
    const void *user;
    tdi_native_fill_fn fill;
} job;

static td_status fill_packed(void *user, tdi_scratch *scratch, void *data, td_error *err) {
    const job *j = user;
    float *kernel = NULL;
    TD_TRY(tdi_weights_kernel(j->weights, scratch, 0, &kernel, err));
    j->fill(j->user, kernel, data);
    return TD_OK;
}

static void keep(tdi_native_kernel *kernel, tdi_pack *pack, const float **out) {
    kernel->packs[kernel->pack_count++] = pack;
    kernel->base.weights_bytes += pack->bytes;
    *out = pack->data;
}

/* What tells the folded weights in that form from all others. */
static td_status key_of(const tdi_weights *weights, const char *form, tdi_hash *out,
                        td_error *err) {
    tdi_hash content;
    TD_TRY(tdi_weights_hash(weights, &content, err));
    tdi_hasher *hasher = tdi_hasher_new();
    if (!hasher)
        return tdi_fail_memory(err);
    tdi_hasher_add(hasher, content.bytes, sizeof content.bytes);
    tdi_hasher_add(hasher, form, strlen(form));
    *out = tdi_hasher_end(hasher);
    return TD_OK;
}

td_status tdi_native_pack(const tdi_compile *compile, const tdi_step *step, const char *form,
                          size_t floats, tdi_native_fill_fn fill, const void *user,
                          tdi_native_kernel *kernel, const float **out, td_error *err) {
    const size_t bytes = floats * sizeof(float);
    tdi_pack *pack = NULL;
    job j = {&step->weights, user, fill};
    tdi_hash key;
    if (compile->trial) {
        TD_TRY(tdi_packs_noise(compile->packs, bytes, &pack, err));
    } else {
        TD_TRY(key_of(&step->weights, form, &key, err));
        TD_TRY(tdi_packs_get(compile->packs, &key, bytes, fill_packed, &j, &pack, err));
    }
    keep(kernel, pack, out);
    return TD_OK;
}

td_status tdi_native_bias(const tdi_compile *compile, const tdi_step *step,
                          tdi_native_kernel *kernel, const float **out, td_error *err) {
    const size_t count = (size_t)tdi_blocks((int)step->weights.outputs) * TDI_LANES;
    float *bias = tdi_calloc(count, sizeof *bias);
    tdi_pack *pack = NULL;
    if (!bias)
        return tdi_fail_memory(err);
    tdi_weights_write_bias(&step->weights, bias);
    td_status status = tdi_packs_copy(compile->packs, bias, count * sizeof *bias, &pack, err);
    tdi_free(bias);
    if (status == TD_OK)
        keep(kernel, pack, out);
    return status;
}
