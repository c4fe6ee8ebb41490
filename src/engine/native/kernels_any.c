/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kernels this processor gets: those that run everywhere.
 */
#include "engine/native/direct.h"
#include "engine/native/winograd.h"

const tdi_winograd_kernels *tdi_winograd_best(void) {
    return &tdi_winograd_kernels_c;
}

const tdi_direct_kernels *tdi_direct_best(void) {
    return &tdi_direct_c;
}
