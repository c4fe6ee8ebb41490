/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/measures.h"

#include <math.h>
#include <stdlib.h>

/* log of the sum of exp(v): what is subtracted from a logit to get the logarithm of its
 * probability. */
static double log_sum_exp(const float *logits, size_t count) {
    double max = logits[0], sum = 0;
    for (size_t i = 1; i < count; i++)
        if (logits[i] > max)
            max = logits[i];
    for (size_t i = 0; i < count; i++)
        sum += exp((double)logits[i] - max);
    return max + log(sum);
}

static double floored(float probability) {
    return probability > TDI_PROBABILITY_MIN ? (double)probability : TDI_PROBABILITY_MIN;
}

static double log_sum(const float *probabilities, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += floored(probabilities[i]);
    return log(sum);
}

double tdi_kl(const float *p, const float *q, size_t classes, td_output_kind kind) {
    if (kind == TD_OUTPUT_RAW || classes == 0)
        return NAN;
    int logits = kind == TD_OUTPUT_LOGITS;
    double p_norm = logits ? log_sum_exp(p, classes) : log_sum(p, classes);
    double q_norm = logits ? log_sum_exp(q, classes) : log_sum(q, classes);
    double sum = 0;
    for (size_t i = 0; i < classes; i++) {
        double log_p = (logits ? (double)p[i] : log(floored(p[i]))) - p_norm;
        double log_q = (logits ? (double)q[i] : log(floored(q[i]))) - q_norm;
        sum += exp(log_p) * (log_p - log_q);
    }
    return sum < 0 ? 0 : sum;
}

int32_t tdi_first_class(const float *output, size_t classes) {
    size_t best = 0;
    for (size_t i = 1; i < classes; i++)
        if (output[i] > output[best] || (isnan(output[best]) && !isnan(output[i])))
            best = i;
    return (int32_t)best;
}

double tdi_psnr(double range, double mse) {
    return mse > 0 ? 10 * log10(range * range / mse) : mse == 0 ? INFINITY : NAN;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double tdi_median(double *values, size_t count) {
    if (!count)
        return NAN;
    qsort(values, count, sizeof *values, compare_doubles);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

double tdi_percentile(double *values, size_t count, double share) {
    if (!count)
        return NAN;
    qsort(values, count, sizeof *values, compare_doubles);
    size_t rank = (size_t)ceil(share * (double)count);
    return values[rank > 0 ? rank - 1 : 0];
}

tdi_distortion tdi_distortion_empty(void) {
    const tdi_distortion empty = {0, INFINITY, -INFINITY};
    return empty;
}

void tdi_distortion_add(tdi_distortion *distortion, const td_layout *layout, const void *a,
                        const void *b) {
    size_t count = (size_t)td_layout_elements(layout);
    int bytes = layout->dtype == TD_DTYPE_U8;
    const float *af = a, *bf = b;
    const uint8_t *ab = a, *bb = b;
    for (size_t i = 0; i < count; i++) {
        double x = bytes ? (double)ab[i] : (double)af[i];
        double d = (bytes ? (double)bb[i] : (double)bf[i]) - x;
        distortion->squared_error += d * d;
        distortion->min = x < distortion->min ? x : distortion->min;
        distortion->max = x > distortion->max ? x : distortion->max;
    }
}
