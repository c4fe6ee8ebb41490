/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded weights in the form that a kernel reads, shared by all programs that want the same.
 */
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "engine/native/backend.h"

enum { LANES = 16 };

typedef struct job {
    const tdi_weights *weights;
    const void *layer;
    tdi_native_fill_fn fill;
} job;

static td_status fill_packed(void *user, tdi_scratch *scratch, void *data, td_error *err) {
    const job *j = user;
    float *kernel = NULL;
    TD_TRY(tdi_weights_kernel(j->weights, scratch, 0, &kernel, err));
    j->fill(j->layer, kernel, data);
    return TD_OK;
}

static td_status fill_noise(void *user, tdi_scratch *scratch, void *data, td_error *err) {
    float *values = data;
    (void)scratch, (void)err;
    for (size_t i = 0, count = *(const size_t *)user; i < count; i++)
        values[i] = 0.01f;
    return TD_OK;
}

static void keep(tdi_native_kernel *kernel, tdi_pack *pack, const float **out) {
    kernel->packs[kernel->pack_count++] = pack;
    kernel->base.weights_bytes += pack->bytes;
    *out = pack->data;
}

td_status tdi_native_pack(const tdi_compile *compile, const tdi_step *step, const char *form,
                          size_t floats, tdi_native_fill_fn fill, tdi_native_kernel *kernel,
                          const float **out, td_error *err) {
    const size_t bytes = floats * sizeof(float);
    tdi_pack *pack = NULL;
    if (compile->trial) {
        tdi_hash size = tdi_hash_of(&floats, sizeof floats);
        TD_TRY(tdi_packs_get(compile->packs, &size, bytes, fill_noise, &floats, &pack, err));
        keep(kernel, pack, out);
        return TD_OK;
    }
    job j = {&step->weights, kernel->layer, fill};
    tdi_hash content;
    TD_TRY(tdi_weights_hash(&step->weights, &content, err));
    tdi_hasher *hasher = tdi_hasher_new();
    if (!hasher)
        return tdi_fail_memory(err);
    tdi_hasher_add(hasher, content.bytes, sizeof content.bytes);
    tdi_hasher_add(hasher, form, strlen(form));
    tdi_hash key = tdi_hasher_end(hasher);
    TD_TRY(tdi_packs_get(compile->packs, &key, bytes, fill_packed, &j, &pack, err));
    keep(kernel, pack, out);
    return TD_OK;
}

static td_status fill_bias(void *user, tdi_scratch *scratch, void *data, td_error *err) {
    (void)scratch, (void)err;
    memcpy(data, *(float *const *)user, ((size_t *)user)[1]);
    return TD_OK;
}

td_status tdi_native_bias(const tdi_compile *compile, const tdi_step *step,
                          tdi_native_kernel *kernel, const float **out, td_error *err) {
    const size_t count = ((size_t)step->weights.outputs + LANES - 1) / LANES * LANES;
    float *bias = tdi_calloc(count, sizeof *bias);
    tdi_pack *pack = NULL;
    if (!bias)
        return tdi_fail_memory(err);
    tdi_weights_write_bias(&step->weights, bias);
    tdi_hash key = tdi_hash_of(bias, count * sizeof *bias);
    struct {
        float *values;
        size_t bytes;
    } copy = {bias, count * sizeof *bias};
    td_status status = tdi_packs_get(compile->packs, &key, copy.bytes, fill_bias, &copy, &pack,
                                     err);
    tdi_free(bias);
    if (status == TD_OK)
        keep(kernel, pack, out);
    return status;
}
