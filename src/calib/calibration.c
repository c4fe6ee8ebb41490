/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calibrations in memory: sharing, finding parts, letting go.
 */
#include <string.h>

#include "base/memory.h"
#include "calib/calib.h"

td_calibration *td_calibration_ref(td_calibration *calibration) {
    if (calibration)
        tdi_refcount_take(&calibration->references);
    return calibration;
}

void td_calibration_unref(td_calibration *calibration) {
    if (!calibration || tdi_refcount_drop(&calibration->references))
        return;
    for (size_t i = 0; i < calibration->part_count; i++)
        tdi_free(calibration->parts[i].bytes);
    tdi_free(calibration->parts);
    tdi_free(calibration->channel_mean);
    tdi_free(calibration->channel_sigma);
    tdi_free(calibration->element_mean);
    tdi_free(calibration->element_sigma);
    tdi_free(calibration->tensor);
    tdi_free(calibration);
}

td_calibration *tdi_calibration_new(void) {
    td_calibration *calibration = tdi_calloc(1, sizeof *calibration);
    if (calibration)
        atomic_init(&calibration->references, 1);
    return calibration;
}

const tdi_calibration_part *tdi_calibration_part_find(const td_calibration *calibration,
                                                      const char *name) {
    for (size_t i = 0; i < calibration->part_count; i++)
        if (strcmp(calibration->parts[i].name, name) == 0)
            return &calibration->parts[i];
    return NULL;
}

void tdi_calibration_set_clear(tdi_calibration_set *set) {
    for (size_t i = 0; i < set->tensor_count; i++)
        td_calibration_unref(set->tensors[i]);
    tdi_free(set->tensors);
    tdi_free(set->cut);
    memset(set, 0, sizeof *set);
}
