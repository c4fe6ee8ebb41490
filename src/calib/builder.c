/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathering statistics of one tensor, picture by picture (Welford 1962), and merging the work of
 * several threads (Chan, Golub, LeVeque 1979).
 *
 * Elements are many, so theirs are two floats each; channels are kept in double. A value that is
 * not finite is left out of the channel's statistics, and counts as the element's mean so far,
 * which leaves the mean alone.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "calib/calib.h"

struct tdi_calibration_builder {
    char *tensor;
    td_layout layout;
    size_t channels, plane, elements; /* plane: elements of a channel */
    uint64_t pictures, nonfinite;
    tdi_moments *channel; /* [channels]; a single one for all where the plane is 1, when elements
                             say it all */
    float *element_mean, *element_m2; /* [elements] */
};

void tdi_calibration_builder_free(tdi_calibration_builder *builder) {
    if (!builder)
        return;
    tdi_free(builder->tensor);
    tdi_free(builder->channel);
    tdi_free(builder->element_mean);
    tdi_free(builder->element_m2);
    tdi_free(builder);
}

static size_t group_count(const tdi_calibration_builder *b) {
    return b->plane == 1 ? 1 : b->channels;
}

tdi_calibration_builder *tdi_calibration_builder_new(const char *tensor, const td_layout *layout) {
    tdi_calibration_builder *b = tdi_calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->layout = *layout;
    b->channels = (size_t)layout->channels;
    b->plane = (size_t)layout->height * (size_t)layout->width;
    b->elements = b->channels * b->plane;
    b->tensor = tdi_strdup(tensor);
    b->channel = tdi_calloc(group_count(b), sizeof *b->channel);
    b->element_mean = tdi_calloc(b->elements, sizeof *b->element_mean);
    b->element_m2 = tdi_calloc(b->elements, sizeof *b->element_m2);
    if (!b->tensor || !b->channel || !b->element_mean || !b->element_m2) {
        tdi_calibration_builder_free(b);
        return NULL;
    }
    for (size_t i = 0; i < group_count(b); i++)
        b->channel[i] = tdi_moments_empty();
    return b;
}

/* |x| <= FLT_MAX says finite without a branch, so that the loop is vectorized. */
static void add_elements(float *restrict mean, float *restrict m2, const float *restrict x,
                         size_t count, float share) {
    for (size_t i = 0; i < count; i++) {
        float before = mean[i];
        float v = fabsf(x[i]) <= FLT_MAX ? x[i] : before;
        float after = before + (v - before) * share;
        m2[i] += (v - before) * (v - after);
        mean[i] = after;
    }
}

void tdi_calibration_builder_add(tdi_calibration_builder *b, const float *features) {
    b->pictures++;
    add_elements(b->element_mean, b->element_m2, features, b->elements,
                 (float)(1.0 / (double)b->pictures));
    size_t groups = group_count(b), size = b->elements / groups;
    for (size_t i = 0; i < groups; i++)
        b->nonfinite += tdi_moments_add(&b->channel[i], features + i * size, size);
}

void tdi_calibration_builder_merge(tdi_calibration_builder *into,
                                   const tdi_calibration_builder *from) {
    if (!from->pictures)
        return;
    double a = (double)into->pictures, b = (double)from->pictures;
    for (size_t i = 0; i < into->elements; i++) {
        double difference = (double)from->element_mean[i] - into->element_mean[i];
        into->element_mean[i] = (float)(into->element_mean[i] + difference * b / (a + b));
        into->element_m2[i] = (float)((double)into->element_m2[i] + from->element_m2[i] +
                                      difference * difference * a * b / (a + b));
    }
    for (size_t i = 0; i < group_count(into); i++)
        tdi_moments_merge(&into->channel[i], &from->channel[i]);
    into->pictures += from->pictures;
    into->nonfinite += from->nonfinite;
}

/* Whether all is finite, which values near the end of float's range prevent. */
static int fill_elements(const tdi_calibration_builder *b, float *mean, float *sigma) {
    int finite = 1;
    for (size_t i = 0; i < b->elements; i++) {
        mean[i] = b->element_mean[i];
        sigma[i] = (float)sqrt(fmax(0, b->element_m2[i]) / (double)b->pictures);
        finite &= fabsf(mean[i]) <= FLT_MAX && sigma[i] <= FLT_MAX;
    }
    return finite;
}

static void fill_channels(const tdi_calibration_builder *b, td_calibration *c) {
    if (b->plane == 1) {
        memcpy(c->channel_mean, c->element_mean, b->channels * sizeof *c->channel_mean);
        memcpy(c->channel_sigma, c->element_sigma, b->channels * sizeof *c->channel_sigma);
        return;
    }
    for (size_t i = 0; i < b->channels; i++) {
        c->channel_mean[i] = (float)b->channel[i].mean;
        c->channel_sigma[i] = (float)tdi_moments_sigma(&b->channel[i]);
    }
}

td_status tdi_calibration_builder_finish(const tdi_calibration_builder *b, td_calibration **out,
                                         td_error *err) {
    tdi_moments all = tdi_moments_empty();
    for (size_t i = 0; i < group_count(b); i++)
        tdi_moments_merge(&all, &b->channel[i]);
    if (!all.count)
        return tdi_fail(err, TD_ARGUMENT, "calibration of \"%s\": no finite value in %llu pictures",
                        b->tensor, (unsigned long long)b->pictures);
    td_calibration *c = tdi_calibration_new();
    if (!c)
        return tdi_fail_memory(err);
    c->tensor = tdi_strdup(b->tensor);
    c->layout = b->layout;
    c->pictures = b->pictures;
    c->nonfinite = b->nonfinite;
    c->mean = all.mean;
    c->sigma = tdi_moments_sigma(&all);
    c->min = all.min;
    c->max = all.max;
    c->channel_mean = tdi_malloc(b->channels * sizeof(float));
    c->channel_sigma = tdi_malloc(b->channels * sizeof(float));
    c->element_mean = tdi_malloc(b->elements * sizeof(float));
    c->element_sigma = tdi_malloc(b->elements * sizeof(float));
    if (!c->tensor || !c->channel_mean || !c->channel_sigma || !c->element_mean ||
        !c->element_sigma) {
        td_calibration_unref(c);
        return tdi_fail_memory(err);
    }
    if (!fill_elements(b, c->element_mean, c->element_sigma)) {
        td_calibration_unref(c);
        return tdi_fail(err, TD_LIMIT, "calibration of \"%s\": values are too large for statistics",
                        b->tensor);
    }
    fill_channels(b, c);
    *out = c;
    return TD_OK;
}
