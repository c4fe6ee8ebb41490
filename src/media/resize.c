/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanczos-3, separable, its support widened by the ratio when shrinking; rows first, then columns,
 * rounded to 8 bits after each. Samples are used as they are (no gamma) and beyond the edge there
 * is nothing: the weights that remain are scaled to sum 1. This is what Pillow's LANCZOS computes,
 * with the same fixed-point weights, so that networks see what they saw in training. Integer sums
 * make the result independent of the CPU.
 */
#include "media/resize.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "media/picture.h"

#define SUPPORT     3.0
#define WEIGHT_BITS 22 /* weights sum to 1; 255 * sum |w| * 2^22 stays below 2^31 */

/* For each output position the inputs that it is made of. */
typedef struct taps {
    int32_t *first, *count;
    int32_t *weights; /* `most` for each position */
    int32_t most;
} taps;

static double sinc(double x) {
    static const double pi = 3.14159265358979323846;
    return x == 0 ? 1 : sin(pi * x) / (pi * x);
}

static double lanczos(double x) {
    return x >= -SUPPORT && x < SUPPORT ? sinc(x) * sinc(x / SUPPORT) : 0;
}

static void taps_fini(taps *t) {
    tdi_free(t->first);
    tdi_free(t->count);
    tdi_free(t->weights);
}

static void position_weights(double center, double stretch, int32_t count, int32_t first,
                             double *exact, int32_t *weights) {
    double sum = 0;
    for (int32_t i = 0; i < count; i++) {
        exact[i] = lanczos((first + i - center + 0.5) / stretch);
        sum += exact[i];
    }
    for (int32_t i = 0; i < count; i++)
        weights[i] = (int32_t)lround(exact[i] / sum * (1 << WEIGHT_BITS));
}

static td_status taps_init(taps *t, int32_t in, int32_t out, td_error *err) {
    double ratio = (double)in / out;
    double stretch = ratio > 1 ? ratio : 1;
    double reach = SUPPORT * stretch;
    memset(t, 0, sizeof *t);
    t->most = (int32_t)ceil(reach) * 2 + 1;
    if (t->most > in)
        t->most = in;
    t->first = tdi_calloc((size_t)out, sizeof *t->first);
    t->count = tdi_calloc((size_t)out, sizeof *t->count);
    t->weights = tdi_calloc((size_t)out * (size_t)t->most, sizeof *t->weights);
    double *exact = tdi_calloc((size_t)t->most, sizeof *exact);
    if (!t->first || !t->count || !t->weights || !exact) {
        tdi_free(exact);
        return tdi_fail_memory(err);
    }
    for (int32_t i = 0; i < out; i++) {
        double center = (i + 0.5) * ratio;
        int32_t first = (int32_t)fmax(center - reach + 0.5, 0);
        int32_t last = (int32_t)fmin(center + reach + 0.5, in);
        t->first[i] = first;
        t->count[i] = last - first;
        position_weights(center, stretch, last - first, first, exact,
                         t->weights + (size_t)i * (size_t)t->most);
    }
    tdi_free(exact);
    return TD_OK;
}

static uint8_t rounded(int32_t sum) {
    if (sum <= 0)
        return 0;
    sum >>= WEIGHT_BITS;
    return sum > 255 ? 255 : (uint8_t)sum;
}

static void resize_row(const taps *t, const uint8_t *in, int32_t channels, uint8_t *out,
                       int32_t width) {
    for (int32_t x = 0; x < width; x++) {
        const uint8_t *from = in + (ptrdiff_t)t->first[x] * channels;
        const int32_t *weights = t->weights + (size_t)x * (size_t)t->most;
        int32_t sum[3] = {1 << (WEIGHT_BITS - 1), 1 << (WEIGHT_BITS - 1), 1 << (WEIGHT_BITS - 1)};
        if (channels == 1)
            for (int32_t i = 0; i < t->count[x]; i++)
                sum[0] += from[i] * weights[i];
        else
            for (int32_t i = 0; i < t->count[x]; i++, from += 3)
                for (int c = 0; c < 3; c++)
                    sum[c] += from[c] * weights[i];
        for (int32_t c = 0; c < channels; c++)
            *out++ = rounded(sum[c]);
    }
}

static td_status resize_rows(const td_picture *in, const tdi_area *area, td_picture *out,
                             td_error *err) {
    size_t channels = (size_t)in->channels;
    taps t;
    td_status status = taps_init(&t, area->width, out->width, err);
    if (status == TD_OK)
        for (int32_t y = 0; y < out->height; y++) {
            size_t from = (size_t)(area->top + y) * (size_t)in->width + (size_t)area->left;
            resize_row(&t, in->pixels + from * channels, in->channels,
                       out->pixels + (size_t)y * (size_t)out->width * channels, out->width);
        }
    taps_fini(&t);
    return status;
}

static td_status resize_columns(const td_picture *in, td_picture *out, td_error *err) {
    size_t stride = (size_t)in->width * (size_t)in->channels;
    taps t;
    td_status status = taps_init(&t, in->height, out->height, err);
    int32_t *sums = tdi_malloc(stride * sizeof *sums);
    if (status == TD_OK && !sums)
        status = tdi_fail_memory(err);
    for (int32_t y = 0; status == TD_OK && y < out->height; y++) {
        const int32_t *weights = t.weights + (size_t)y * (size_t)t.most;
        for (size_t x = 0; x < stride; x++)
            sums[x] = 1 << (WEIGHT_BITS - 1);
        for (int32_t i = 0; i < t.count[y]; i++) {
            const uint8_t *row = in->pixels + (size_t)(t.first[y] + i) * stride;
            int32_t weight = weights[i];
            for (size_t x = 0; x < stride; x++)
                sums[x] += row[x] * weight;
        }
        for (size_t x = 0; x < stride; x++)
            out->pixels[(size_t)y * stride + x] = rounded(sums[x]);
    }
    tdi_free(sums);
    taps_fini(&t);
    return status;
}

static void copy_area(const td_picture *in, const tdi_area *area, td_picture *out) {
    size_t channels = (size_t)in->channels, row = (size_t)area->width * channels;
    for (int32_t y = 0; y < area->height; y++) {
        size_t from = (size_t)(area->top + y) * (size_t)in->width + (size_t)area->left;
        memcpy(out->pixels + (size_t)y * row, in->pixels + from * channels, row);
    }
}

td_status tdi_picture_resize(const td_picture *picture, const tdi_area *area, int32_t width,
                             int32_t height, td_picture *out, td_error *err) {
    td_picture narrow = {0, 0, 0, NULL}, whole = {0, 0, 0, NULL};
    td_status status = tdi_picture_new(width, area->height, picture->channels,
                                       TD_PICTURE_PIXELS_MAX, &narrow, err);
    if (status == TD_OK && width == area->width)
        copy_area(picture, area, &narrow);
    else if (status == TD_OK)
        status = resize_rows(picture, area, &narrow, err);
    if (status == TD_OK && height != area->height) {
        status = tdi_picture_new(width, height, picture->channels, TD_PICTURE_PIXELS_MAX, &whole,
                                 err);
        if (status == TD_OK)
            status = resize_columns(&narrow, &whole, err);
    } else if (status == TD_OK) {
        whole = narrow;
        narrow.pixels = NULL;
    }
    tdi_free(narrow.pixels);
    if (status == TD_OK)
        *out = whole;
    else
        tdi_free(whole.pixels);
    return status;
}
