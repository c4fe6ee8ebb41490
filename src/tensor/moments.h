/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running mean and deviation of many values (Welford 1962; merged as Chan, Golub, LeVeque 1979).
 */
#ifndef TDI_TENSOR_MOMENTS_H
#define TDI_TENSOR_MOMENTS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tdi_moments {
    uint64_t count;
    double mean, m2; /* m2: sum of squared differences from the mean */
    double min, max; /* of finite values; min > max while there are none */
} tdi_moments;

tdi_moments tdi_moments_empty(void);
/* Values that are not finite are left out; returns how many those were. */
size_t tdi_moments_add(tdi_moments *m, const float *values, size_t count);
void tdi_moments_merge(tdi_moments *into, const tdi_moments *from);

static inline double tdi_moments_sigma(const tdi_moments *m) {
    return m->count ? sqrt(m->m2 / (double)m->count) : 0;
}

#endif
