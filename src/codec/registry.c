/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of all stages.
 */
#include <string.h>

#include "codec/stage.h"

static const tdi_stage *const stages[] = {
#define STAGE_ENTRY(name) &tdi_stage_##name,
    TDI_STAGE_MAP(STAGE_ENTRY)
#undef STAGE_ENTRY
};

#define STAGE_COUNT (sizeof stages / sizeof stages[0])

size_t tdi_stage_count(void) {
    return STAGE_COUNT;
}

const tdi_stage *tdi_stage_at(size_t index) {
    return index < STAGE_COUNT ? stages[index] : NULL;
}

const tdi_stage *tdi_stage_find(const char *name, size_t name_bytes) {
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        const char *known = stages[i]->info.name;
        if (strlen(known) == name_bytes && memcmp(known, name, name_bytes) == 0)
            return stages[i];
    }
    return NULL;
}

size_t td_stage_count(void) {
    return STAGE_COUNT;
}

const td_stage_info *td_stage_at(size_t index) {
    return index < STAGE_COUNT ? &stages[index]->info : NULL;
}
