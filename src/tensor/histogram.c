/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/histogram.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum {
    BINS = TDI_HISTOGRAM_BINS,
    EXPONENT_MIN = -40,
    CANDIDATES = 200 /* bounds that are tried, between 0 and the largest magnitude */
};

tdi_histogram *tdi_histogram_new(void) {
    tdi_histogram *h = tdi_calloc(1, sizeof *h);
    if (h)
        h->exponent = EXPONENT_MIN;
    return h;
}

static void widen(tdi_histogram *h, float max) {
    while (ldexpf(max, -h->exponent) >= BINS) {
        for (int i = 0; i < BINS / 2; i++)
            h->counts[i] = h->counts[2 * i] + h->counts[2 * i + 1];
        memset(h->counts + BINS / 2, 0, sizeof h->counts / 2);
        h->exponent++;
    }
}

void tdi_histogram_add(tdi_histogram *h, const float *values, size_t count) {
    float max = h->max;
    for (size_t i = 0; i < count; i++) {
        float magnitude = fabsf(values[i]);
        if (magnitude > max && isfinite(magnitude))
            max = magnitude;
        h->is_negative |= values[i] < 0;
    }
    h->max = max;
    widen(h, max);
    double factor = ldexp(1, -h->exponent);
    for (size_t i = 0; i < count; i++) {
        float magnitude = fabsf(values[i]);
        if (magnitude > 0 && isfinite(magnitude))
            h->counts[(int)((double)magnitude * factor)]++;
    }
}

/* Of all values together. Rounding is off by a twelfth of the squared step on average. */
static double error_of(const tdi_histogram *h, double width, double bound, int levels) {
    double step = bound / levels, rounding = step * step / 12, sum = 0;
    for (int i = 0; i < BINS; i++) {
        if (!h->counts[i])
            continue;
        double beyond = ((double)i + 0.5) * width - bound;
        sum += (double)h->counts[i] * (beyond > 0 ? beyond * beyond : rounding);
    }
    return sum;
}

float tdi_histogram_bound(const tdi_histogram *h, int levels) {
    double width = ldexp(1, h->exponent), best = INFINITY, bound = (double)h->max;
    for (int c = CANDIDATES; c > 0; c--) {
        double candidate = (double)h->max * c / CANDIDATES;
        double error = error_of(h, width, candidate, levels);
        if (error < best) {
            best = error;
            bound = candidate;
        }
    }
    return (float)bound;
}

void tdi_histogram_range(const tdi_histogram *h, float *low, float *high) {
    *high = tdi_histogram_bound(h, h->is_negative ? 127 : 255);
    *low = h->is_negative ? -*high : 0;
}
