/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding weights and bringing them into a primitive's format, unless the set of packs has the
 * result.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/onednn/onednn.h"

typedef struct job {
    const tdi_weights *weights;
    const dnnl_memory_desc_t *plain, *packed;
    const float *scale; /* per output; NULL: 1 */
    dnnl_engine_t engine;
} job;

/* For a reorder that divides by the scales. */
static dnnl_status_t set_scales(const job *j, dnnl_primitive_attr_t attr) {
    int64_t outputs = j->weights->outputs;
    /* The outputs are the first axis; where groups have an axis of their own the first two. */
    int mask = j->plain->ndims == j->weights->kernel->shape.rank ? 1 : 1 | 1 << 1;
    float *factors = tdi_malloc((size_t)outputs * sizeof *factors);
    if (!factors)
        return dnnl_out_of_memory;
    for (int64_t o = 0; o < outputs; o++)
        factors[o] = 1 / j->scale[o];
    dnnl_status_t status = dnnl_primitive_attr_set_output_scales(attr, outputs, mask, factors);
    tdi_free(factors);
    return status;
}

static dnnl_status_t reorder(const job *j, void *from, void *to) {
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, NULL}, {DNNL_ARG_TO, NULL}};
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status == dnnl_success && j->scale)
        status = set_scales(j, attr);
    if (status == dnnl_success)
        status = dnnl_reorder_primitive_desc_create(&pd, j->plain, j->engine, j->packed, j->engine,
                                                    attr);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&primitive, pd);
    if (status == dnnl_success)
        status = dnnl_memory_create(&args[0].memory, j->plain, j->engine, from);
    if (status == dnnl_success)
        status = dnnl_memory_create(&args[1].memory, j->packed, j->engine, to);
    if (status == dnnl_success)
        status = dnnl_stream_create(&stream, j->engine, dnnl_stream_in_order);
    if (status == dnnl_success)
        status = dnnl_primitive_execute(primitive, stream, 2, args);
    if (status == dnnl_success)
        status = dnnl_stream_wait(stream);
    dnnl_stream_destroy(stream);
    dnnl_memory_destroy(args[0].memory);
    dnnl_memory_destroy(args[1].memory);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

/* Half to even, of what is far below 2^22: without a call where the processor could round by
 * itself.
 */
static float to_integer(float x) {
    const float shift = 0x1.8p23f;
    return x + shift - shift;
}

/* The nearest number that the packed format has; `scale`: of 8 bits. */
static float nearest(float x, dnnl_data_type_t type, float scale) {
    uint32_t bits;
    if (type == dnnl_s8)
        return fminf(fmaxf(to_integer(x / scale), -127), 127) * scale;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&x, &bits, sizeof bits);
    return x;
}

static int64_t taps_of(const tdi_weights *weights) {
    const td_shape *shape = &weights->kernel->shape;
    int64_t taps = 1;
    for (int i = 2; i < shape->rank; i++)
        taps *= shape->dim[i];
    return taps;
}

/*
 * Rounds so that the sum over each window stays what it was, as far as it can: a tap takes over the
 * error of the one before. Neighbouring pixels are alike, so that errors of one sign would add up
 * to an offset of the whole channel; most of all in depthwise convolutions, where no other channel
 * makes up for it.
 */
static void round_windows(const job *j, float *kernel) {
    dnnl_data_type_t type = j->packed->data_type;
    int64_t taps = taps_of(j->weights), inputs = j->weights->inputs;
    for (int64_t o = 0; o < j->weights->outputs; o++) {
        float scale = j->scale ? j->scale[o] : 1, error = 0;
        for (int64_t i = 0; i < inputs; i++) {
            float *w = &kernel[o * inputs + i];
            float wanted = i % taps == 0 ? *w : *w + error;
            *w = nearest(wanted, type, scale);
            error = wanted - *w;
        }
    }
}

/*
 * How much of a tensor is brought into the packed format at a time, where it comes from a file: the
 * plain weights of a large dense layer are not in memory beside the packed ones.
 */
#define SLICE_BYTES ((size_t)16 << 20)

/* How many of the first axis a slice has; 0: the weights are not sliced. */
static dnnl_dim_t slice_rows(const job *j) {
    const dnnl_memory_desc_t *plain = j->plain, *packed = j->packed;
    const tdi_tensor *kernel = j->weights->kernel;
    if (!kernel->backed || kernel->bytes < 2 * SLICE_BYTES || !tdi_weights_are_plain(j->weights) ||
        packed->format_kind != dnnl_blocked || packed->data_type != dnnl_f32)
        return 0;
    size_t row_bytes = kernel->bytes / (size_t)plain->dims[0];
    if ((size_t)plain->format_desc.blocking.strides[0] * sizeof(float) != row_bytes)
        return 0;
    const dnnl_blocking_desc_t *b = &packed->format_desc.blocking;
    dnnl_dim_t block = 1, rows = (dnnl_dim_t)(SLICE_BYTES / row_bytes);
    for (int i = 0; i < b->inner_nblks; i++)
        block *= b->inner_idxs[i] == 0 ? b->inner_blks[i] : 1;
    return rows / block * block;
}

static dnnl_status_t reorder_rows(const job *j, dnnl_dim_t first, dnnl_dim_t count, void *from,
                                  void *to) {
    dnnl_memory_desc_t plain, packed;
    dnnl_dims_t dims, offsets = {first};
    job part = *j;
    part.plain = &plain;
    part.packed = &packed;
    memcpy(dims, j->plain->dims, sizeof dims);
    dims[0] = count;
    dnnl_status_t status = dnnl_memory_desc_init_by_strides(&plain, j->plain->ndims, dims, dnnl_f32,
                                                            j->plain->format_desc.blocking.strides);
    if (status == dnnl_success)
        status = dnnl_memory_desc_init_submemory(&packed, j->packed, dims, offsets);
    return status == dnnl_success ? reorder(&part, from, to) : status;
}

static td_status fill_slices(const job *j, dnnl_dim_t rows, tdi_scratch *scratch, void *data,
                             td_error *err) {
    tdi_tensor *kernel = j->weights->kernel;
    dnnl_dim_t all = j->plain->dims[0];
    size_t row_bytes = kernel->bytes / (size_t)all;
    float *slice = tdi_scratch_get(scratch, (size_t)rows * row_bytes);
    td_status status = slice ? TD_OK : tdi_fail_memory(err);
    for (dnnl_dim_t first = 0; status == TD_OK && first < all; first += rows) {
        dnnl_dim_t count = all - first < rows ? all - first : rows;
        status = tdi_tensor_read(kernel, (size_t)first * row_bytes, slice,
                                 (size_t)count * row_bytes, err);
        dnnl_status_t moved = status == TD_OK ? reorder_rows(j, first, count, slice, data)
                                              : dnnl_success;
        if (moved != dnnl_success)
            status = tdi_onednn_fail(err, NULL, "weights", moved);
    }
    return status;
}

static td_status fill_kernel(void *user, tdi_scratch *scratch, void *data, td_error *err) {
    const job *j = user;
    dnnl_dim_t rows = slice_rows(j);
    int rounded = j->packed->data_type != dnnl_f32 && taps_of(j->weights) > 1;
    float *kernel = NULL;
    if (rows > 0)
        return fill_slices(j, rows, scratch, data, err);
    TD_TRY(tdi_weights_kernel(j->weights, scratch, rounded, &kernel, err));
    if (rounded)
        round_windows(j, kernel);
    dnnl_status_t status = reorder(j, kernel, data);
    return status == dnnl_success ? TD_OK : tdi_onednn_fail(err, NULL, "weights", status);
}

/* What the packed bytes depend on besides the weights. */
static void put_format(tdi_hasher *hasher, const dnnl_memory_desc_t *md) {
    size_t rank = (size_t)md->ndims;
    tdi_hasher_add(hasher, &md->ndims, sizeof md->ndims);
    tdi_hasher_add(hasher, &md->data_type, sizeof md->data_type);
    tdi_hasher_add(hasher, &md->extra, sizeof md->extra);
    tdi_hasher_add(hasher, md->dims, rank * sizeof md->dims[0]);
    tdi_hasher_add(hasher, md->padded_dims, rank * sizeof md->dims[0]);
    tdi_hasher_add(hasher, &md->format_kind, sizeof md->format_kind);
    if (md->format_kind == dnnl_blocked) {
        const dnnl_blocking_desc_t *b = &md->format_desc.blocking;
        size_t blocks = (size_t)b->inner_nblks;
        tdi_hasher_add(hasher, b->strides, rank * sizeof b->strides[0]);
        tdi_hasher_add(hasher, b->inner_blks, blocks * sizeof b->inner_blks[0]);
        tdi_hasher_add(hasher, b->inner_idxs, blocks * sizeof b->inner_idxs[0]);
    } else {
        /* Winograd's own; oneDNN fills unused bytes with zeros. */
        tdi_hasher_add(hasher, &md->format_desc, sizeof md->format_desc);
    }
}

td_status tdi_onednn_pack_kernel(const tdi_compile *compile, const tdi_weights *weights,
                                 const dnnl_memory_desc_t *plain, const dnnl_memory_desc_t *packed,
                                 const float *scale, tdi_pack **out, td_error *err) {
    const tdi_onednn *state = compile->state;
    job j = {weights, plain, packed, scale, state->engine};
    tdi_hash content, key;
    if (compile->trial)
        return tdi_packs_noise(compile->packs, dnnl_memory_desc_get_size(packed), out, err);
    TD_TRY(tdi_weights_hash(weights, &content, err));
    tdi_hasher *hasher = tdi_hasher_new();
    if (!hasher)
        return tdi_fail_memory(err);
    tdi_hasher_add(hasher, content.bytes, sizeof content.bytes);
    put_format(hasher, packed);
    key = tdi_hasher_end(hasher);
    return tdi_packs_get(compile->packs, &key, dnnl_memory_desc_get_size(packed), fill_kernel, &j,
                         out, err);
}

td_status tdi_onednn_pack_vector(const tdi_compile *compile, const float *values, int64_t count,
                                 tdi_pack **out, td_error *err) {
    return tdi_packs_copy(compile->packs, values, (size_t)count * sizeof *values, out, err);
}

td_status tdi_onednn_pack_bias(const tdi_compile *compile, const tdi_weights *weights,
                               const tdi_onednn_numbers *numbers, tdi_pack **out, td_error *err) {
    float *bias = tdi_malloc((size_t)weights->outputs * sizeof *bias);
    if (!bias)
        return tdi_fail_memory(err);
    tdi_weights_write_bias(weights, bias);
    for (int64_t o = 0; numbers->weights_scale && o < weights->outputs; o++)
        bias[o] /= numbers->src_scale * numbers->weights_scale[o];
    td_status status = tdi_onednn_pack_vector(compile, bias, weights->outputs, out, err);
    tdi_free(bias);
    return status;
}
