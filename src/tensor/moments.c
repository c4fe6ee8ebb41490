/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running moments.
 */
#include "tensor/moments.h"

tdi_moments tdi_moments_empty(void) {
    tdi_moments m = {0, 0, 0, INFINITY, -INFINITY};
    return m;
}

/* Sums of one array around its first finite value, merged into what was there. */
size_t tdi_moments_add(tdi_moments *m, const float *values, size_t count) {
    tdi_moments part = tdi_moments_empty();
    double origin = 0, sum = 0, sum2 = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            continue;
        double v = values[i];
        if (!part.count++)
            origin = v;
        sum += v - origin;
        sum2 += (v - origin) * (v - origin);
        if (v < part.min)
            part.min = v;
        if (v > part.max)
            part.max = v;
    }
    if (part.count) {
        double n = (double)part.count;
        part.mean = origin + sum / n;
        part.m2 = sum2 - sum * sum / n;
        if (part.m2 < 0)
            part.m2 = 0;
        tdi_moments_merge(m, &part);
    }
    return count - (size_t)part.count;
}

void tdi_moments_merge(tdi_moments *into, const tdi_moments *from) {
    if (!from->count)
        return;
    double a = (double)into->count, b = (double)from->count, difference = from->mean - into->mean;
    into->count += from->count;
    into->mean += difference * b / (a + b);
    into->m2 += from->m2 + difference * difference * a * b / (a + b);
    if (from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
}
