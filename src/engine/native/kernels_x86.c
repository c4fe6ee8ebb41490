/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kernels this processor gets: x86-64.
 */
#include "base/cpu.h"
#include "engine/native/direct.h"
#include "engine/native/winograd.h"

const tdi_winograd_kernels *tdi_winograd_best(void) {
    switch (tdi_cpu()) {
    case TDI_CPU_AVX512:
        return &tdi_winograd_kernels_avx512;
    case TDI_CPU_AVX2:
        return &tdi_winograd_kernels_avx2;
    case TDI_CPU_ANY:
        break;
    }
    return &tdi_winograd_kernels_c;
}

const tdi_direct_kernels *tdi_direct_best(void) {
    return tdi_cpu() == TDI_CPU_AVX512 ? &tdi_direct_avx512 : &tdi_direct_c;
}
