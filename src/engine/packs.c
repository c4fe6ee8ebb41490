/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of packed weights.
 */
#include "engine/packs.h"

#include <pthread.h>
#include <string.h>

#include "base/atomic.h"
#include "base/memory.h"

typedef struct span {
    const void *data;
    size_t bytes;
} span;

struct tdi_packs {
    tdi_refcount references;
    pthread_mutex_t lock;
    tdi_pack **packs;
    size_t count, capacity;
    tdi_scratch scratch;
};

tdi_packs *tdi_packs_new(void) {
    tdi_packs *packs = tdi_calloc(1, sizeof *packs);
    if (!packs)
        return NULL;
    if (pthread_mutex_init(&packs->lock, NULL) != 0) {
        tdi_free(packs);
        return NULL;
    }
    atomic_init(&packs->references, 1);
    return packs;
}

void *tdi_scratch_get(tdi_scratch *scratch, size_t bytes) {
    if (bytes > scratch->bytes) {
        tdi_free_aligned(scratch->data);
        scratch->data = tdi_malloc_aligned(bytes);
        scratch->bytes = scratch->data ? bytes : 0;
    }
    return scratch->data;
}

void tdi_packs_trim(tdi_packs *packs) {
    pthread_mutex_lock(&packs->lock);
    tdi_free_aligned(packs->scratch.data);
    packs->scratch = (tdi_scratch){NULL, 0};
    pthread_mutex_unlock(&packs->lock);
}

tdi_packs *tdi_packs_ref(tdi_packs *packs) {
    tdi_refcount_take(&packs->references);
    return packs;
}

void tdi_packs_unref(tdi_packs *packs) {
    if (!packs || tdi_refcount_drop(&packs->references) > 0)
        return;
    pthread_mutex_destroy(&packs->lock);
    tdi_free_aligned(packs->scratch.data);
    tdi_free(packs->packs);
    tdi_free(packs);
}

static void pack_free(tdi_pack *pack) {
    if (!pack)
        return;
    tdi_free_aligned(pack->data);
    tdi_free(pack);
}

static td_status pack_new(const tdi_hash *key, size_t bytes, tdi_pack_fill_fn fill, void *user,
                          tdi_scratch *scratch, tdi_pack **out, td_error *err) {
    td_status status;
    tdi_pack *pack = tdi_calloc(1, sizeof *pack);
    if (!pack)
        return tdi_fail_memory(err);
    pack->key = *key;
    pack->bytes = bytes;
    pack->references = 1;
    pack->data = tdi_malloc_aligned(bytes);
    if (!pack->data) {
        status = tdi_fail_memory(err);
        goto fail;
    }
    status = fill(user, scratch, pack->data, err);
    if (status != TD_OK)
        goto fail;
    *out = pack;
    return TD_OK;
fail:
    pack_free(pack);
    return status;
}

static tdi_pack *find(const tdi_packs *packs, const tdi_hash *key) {
    for (size_t i = 0; i < packs->count; i++)
        if (tdi_hash_equal(&packs->packs[i]->key, key))
            return packs->packs[i];
    return NULL;
}

td_status tdi_packs_get(tdi_packs *packs, const tdi_hash *key, size_t bytes, tdi_pack_fill_fn fill,
                        void *user, tdi_pack **out, td_error *err) {
    td_status status = TD_OK;
    pthread_mutex_lock(&packs->lock);
    tdi_pack *pack = find(packs, key);
    if (pack) {
        pack->references++;
        *out = pack;
        goto unlock;
    }
    if (tdi_grow(&packs->packs, &packs->capacity, packs->count + 1, sizeof(tdi_pack *)) != 0) {
        status = tdi_fail_memory(err);
        goto unlock;
    }
    status = pack_new(key, bytes, fill, user, &packs->scratch, out, err);
    if (status == TD_OK)
        packs->packs[packs->count++] = *out;
unlock:
    pthread_mutex_unlock(&packs->lock);
    return status;
}

static td_status fill_copy(void *user, tdi_scratch *scratch, void *data, td_error *err) {
    const span *from = user;
    (void)scratch, (void)err;
    memcpy(data, from->data, from->bytes);
    return TD_OK;
}

td_status tdi_packs_copy(tdi_packs *packs, const void *data, size_t bytes, tdi_pack **out,
                         td_error *err) {
    span from = {data, bytes};
    tdi_hash key = tdi_hash_of(data, bytes);
    return tdi_packs_get(packs, &key, bytes, fill_copy, &from, out, err);
}

static td_status fill_noise(void *user, tdi_scratch *scratch, void *data, td_error *err) {
    uint16_t *halves = data;
    (void)scratch, (void)err;
    for (size_t i = 0, count = *(const size_t *)user / sizeof *halves; i < count; i++)
        halves[i] = (uint16_t)(0x3c20 + i % 31);
    return TD_OK;
}

td_status tdi_packs_noise(tdi_packs *packs, size_t bytes, tdi_pack **out, td_error *err) {
    tdi_hash key = tdi_hash_of(&bytes, sizeof bytes);
    return tdi_packs_get(packs, &key, bytes, fill_noise, &bytes, out, err);
}

void tdi_packs_put(tdi_packs *packs, tdi_pack *pack) {
    if (!pack)
        return;
    pthread_mutex_lock(&packs->lock);
    if (--pack->references == 0) {
        for (size_t i = 0; i < packs->count; i++) {
            if (packs->packs[i] == pack) {
                packs->packs[i] = packs->packs[--packs->count];
                break;
            }
        }
        pack_free(pack);
    }
    pthread_mutex_unlock(&packs->lock);
}
