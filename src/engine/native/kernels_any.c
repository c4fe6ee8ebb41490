/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kernels this processor gets: those that run everywhere.
 */
#include "engine/native/winograd.h"

const tdi_winograd_kernels *tdi_winograd_best(void) {
    return &tdi_winograd_kernels_c;
}
