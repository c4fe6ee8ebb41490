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

typedef td_status (*tdi_pack_fill_fn)(void *user, void *data, td_error *err);

/*
 * The pack of that key, made by `fill` where there is none yet (the set is locked meanwhile, so
 * that two programs never pack the same weights side by side). One reference.
 */
td_status tdi_packs_get(tdi_packs *packs, const tdi_hash *key, size_t bytes, tdi_pack_fill_fn fill,
                        void *user, tdi_pack **out, td_error *err);
/* With the last reference a pack leaves the set. NULL is allowed. */
void tdi_packs_put(tdi_packs *packs, tdi_pack *pack);

#endif
