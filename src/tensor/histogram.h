/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often magnitudes occur among many values, counted in bins of equal width; and the bound that
 * quantizing such values loses the least with.
 */
#ifndef TDI_TENSOR_HISTOGRAM_H
#define TDI_TENSOR_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define TDI_HISTOGRAM_BINS 4096

/*
 * Bins are 2^exponent wide. Where a value lies beyond the last one, pairs of bins are joined until
 * it does not, so the content depends on the values alone and not on their order.
 */
typedef struct tdi_histogram {
    uint64_t counts[TDI_HISTOGRAM_BINS]; /* of |x|, without zeros */
    int exponent;
    int is_negative; /* whether there was a value below 0 */
    float max;       /* largest magnitude */
} tdi_histogram;

tdi_histogram *tdi_histogram_new(void); /* tdi_free(); NULL: no memory */
/* Values that are not finite are left out. */
void tdi_histogram_add(tdi_histogram *histogram, const float *values, size_t count);

/*
 * The range that 8 bits are to stand for: from 0 on where no value was negative, else around 0.
 * Zero wide where all values are 0.
 */
void tdi_histogram_range(const tdi_histogram *histogram, float *low, float *high);

/*
 * The bound for which the squared error is least when magnitudes are rounded to multiples of bound
 * / levels, and those beyond the bound become it. 0 where all values are 0.
 */
float tdi_histogram_bound(const tdi_histogram *histogram, int levels);

#endif
