/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors whose content is in a file and, while somebody needs it, in memory.
 */
#include <pthread.h>

#include "base/memory.h"
#include "base/status.h"
#include "tensor/tensor.h"

struct tdi_backed {
    pthread_mutex_t lock;
    int pins;
    tdi_backing *backing;
    size_t offset;
};

void tdi_backed_free(struct tdi_backed *backed) {
    if (!backed)
        return;
    pthread_mutex_destroy(&backed->lock);
    tdi_backing_unref(backed->backing);
    tdi_free(backed);
}

tdi_tensor *tdi_tensor_backed(td_dtype dtype, const td_shape *shape, tdi_backing *backing,
                              size_t offset) {
    struct tdi_backed *backed = tdi_calloc(1, sizeof *backed);
    if (!backed)
        return NULL;
    if (pthread_mutex_init(&backed->lock, NULL) != 0) {
        tdi_free(backed);
        return NULL;
    }
    backed->backing = tdi_backing_ref(backing);
    backed->offset = offset;
    tdi_tensor *tensor = tdi_tensor_hollow(dtype, shape);
    if (tensor)
        tensor->backed = backed;
    else
        tdi_backed_free(backed);
    return tensor;
}

td_status tdi_tensor_read(const tdi_tensor *tensor, size_t offset, void *out, size_t bytes,
                          td_error *err) {
    const struct tdi_backed *backed = tensor->backed;
    return tdi_backing_read(backed->backing, backed->offset + offset, out, bytes, err);
}

static td_status load(tdi_tensor *tensor, td_error *err) {
    uint8_t *data = tdi_malloc_aligned(tensor->bytes);
    if (!data)
        return tdi_fail_memory(err);
    td_status status = tdi_tensor_read(tensor, 0, data, tensor->bytes, err);
    if (status != TD_OK) {
        tdi_free_aligned(data);
        return status;
    }
    for (size_t i = 0; i < TDI_EXTRA_BYTES; i++)
        data[tensor->bytes + i] = 0;
    tensor->data = data;
    return TD_OK;
}

td_status tdi_tensor_pin(tdi_tensor *tensor, td_error *err) {
    struct tdi_backed *backed = tensor->backed;
    td_status status = TD_OK;
    if (!backed)
        return TD_OK;
    pthread_mutex_lock(&backed->lock);
    if (backed->pins == 0)
        status = load(tensor, err);
    backed->pins += status == TD_OK;
    pthread_mutex_unlock(&backed->lock);
    return status;
}

void tdi_tensor_unpin(tdi_tensor *tensor) {
    struct tdi_backed *backed = tensor->backed;
    void *unneeded = NULL;
    if (!backed)
        return;
    pthread_mutex_lock(&backed->lock);
    if (--backed->pins == 0) {
        unneeded = tensor->data;
        tensor->data = NULL;
    }
    pthread_mutex_unlock(&backed->lock);
    tdi_free_aligned(unneeded);
}

tdi_hash tdi_tensor_key(const tdi_tensor *tensor) {
    const struct tdi_backed *backed = tensor->backed;
    if (!backed)
        return tdi_hash_of(tensor->data, tensor->bytes);
    const uint64_t place[3] = {tdi_backing_id(backed->backing), backed->offset, tensor->bytes};
    return tdi_hash_of(place, sizeof place);
}
