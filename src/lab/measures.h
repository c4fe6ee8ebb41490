/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures of merit, as pure functions.
 */
#ifndef TDI_LAB_MEASURES_H
#define TDI_LAB_MEASURES_H

#include <tandem/model.h>

/*
 * KL(p || q) in nats between what two outputs say. Logits are compared as their softmax;
 * probabilities are raised to at least TDI_PROBABILITY_MIN and normalized. NaN for raw outputs.
 * Never negative.
 */
#define TDI_PROBABILITY_MIN 1e-12
double tdi_kl(const float *p, const float *q, size_t classes, td_output_kind kind);

/* The least of the indices with the greatest value; what is not a number counts as the least value.
 */
int32_t tdi_first_class(const float *output, size_t classes);

/* 10 log10(range^2 / mse) in dB; infinite where mse is 0 (thesis, eq. 3.4). */
double tdi_psnr(double range, double mse);

/* Both sort the values. NaN where there are none. */
double tdi_median(double *values, size_t count);
/* The least value that at least `share` of all do not exceed (nearest rank). */
double tdi_percentile(double *values, size_t count, double share);

/* Squared error of `b` against `a` summed over the elements, and least and greatest of `a`. Values
 * as float32 or bytes. */
typedef struct tdi_distortion {
    double squared_error;
    double min, max; /* min > max where there are no elements */
} tdi_distortion;

tdi_distortion tdi_distortion_empty(void);
void tdi_distortion_add(tdi_distortion *distortion, const td_layout *layout, const void *a,
                        const void *b);

#endif
