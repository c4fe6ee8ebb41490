/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processor can do.
 */
#ifndef TDI_BASE_CPU_H
#define TDI_BASE_CPU_H

typedef enum tdi_cpu_level {
    TDI_CPU_ANY,
    TDI_CPU_AVX2,  /* AVX2 and FMA */
    TDI_CPU_AVX512 /* AVX-512 F, VL, BW and DQ besides */
} tdi_cpu_level;

/* The highest level; thread-safe. */
tdi_cpu_level tdi_cpu(void);

#endif
