/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One copy of each packed weight tensor, found by its content and memory format. The set itself is
 * declared in engine.h.
 */
#ifndef TDI_ENGINE_PACKS_H
#define TDI_ENGINE_PACKS_H

#include "base/hash.h"
#include "engine/engine.h"

typedef struct tdi_pack {
    void *data;
    size_t bytes;
    tdi_hash key;
    int references; /* under the set's lock */
} tdi_pack;

/* Memory for the time of filling a pack, which the next one uses again: fresh memory from the
 * system takes longer than packing. */
typedef struct tdi_scratch {
    void *data;
    size_t bytes;
} tdi_scratch;
/* Aligned, of any content; valid until the next call. NULL when out of memory. */
void *tdi_scratch_get(tdi_scratch *scratch, size_t bytes);

typedef td_status (*tdi_pack_fill_fn)(void *user, tdi_scratch *scratch, void *data, td_error *err);

/*
 * The pack of that key, made by `fill` where there is none yet (the set is locked meanwhile, so
 * that two programs never pack the same weights side by side). One reference.
 */
td_status tdi_packs_get(tdi_packs *packs, const tdi_hash *key, size_t bytes, tdi_pack_fill_fn fill,
                        void *user, tdi_pack **out, td_error *err);
/* A copy of bytes, found by what they are. No key of packed weights is the hash of bytes alone. */
td_status tdi_packs_copy(tdi_packs *packs, const void *data, size_t bytes, tdi_pack **out,
                         td_error *err);
/*
 * Weights that are only to take as long as others: numbers near 0.01, none of them subnormal, be
 * they read as float32 or as bfloat16. One pack for each size, of a set that has no other packs but
 * copies.
 */
td_status tdi_packs_noise(tdi_packs *packs, size_t bytes, tdi_pack **out, td_error *err);
/* Frees the scratch memory; for when a program is done. */
void tdi_packs_trim(tdi_packs *packs);
/* With the last reference a pack leaves the set. NULL is allowed. */
void tdi_packs_put(tdi_packs *packs, tdi_pack *pack);

#endif
