/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layouts, random tensors and codecs for the codec tests.
 */
#ifndef TDT_CODEC_SUPPORT_H
#define TDT_CODEC_SUPPORT_H

#include <math.h>

#include "support.h"

#include <tandem/codec.h>

#include "base/prng.h"
#include "calib/calib.h"

static inline td_layout features(int32_t channels, int32_t height, int32_t width) {
    td_layout l = {TD_DTYPE_F32, TD_ORDER_CHW, channels, height, width};
    return l;
}

static inline td_layout picture(int32_t channels, int32_t height, int32_t width) {
    td_layout l = {TD_DTYPE_U8, TD_ORDER_HWC, channels, height, width};
    return l;
}

static inline td_codec *open_codec(const char *strategy, td_layout layout,
                                   td_calibration *calibration) {
    td_codec *codec = NULL;
    td_error err = {0};
    if (td_codec_open(strategy, &layout, calibration, &codec, &err) != TD_OK)
        fail_msg("%s: %s", strategy, err.message);
    return codec;
}

/* A calibration that holds what the quantizers look at. */
static inline td_calibration *calibration_of(td_layout layout, double mean, double sigma) {
    td_calibration *c = tdi_calibration_new();
    assert_non_null(c);
    c->layout = layout;
    c->mean = mean;
    c->sigma = sigma;
    return c;
}

/* Roughly normal: the sum of four uniform values. */
static inline float random_normal(tdi_prng *p) {
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += tdi_prng_unit(p) - 0.5;
    return (float)(sum * 1.7320508075688772);
}

static inline void fill_normal(tdi_prng *p, float *out, size_t count) {
    for (size_t i = 0; i < count; i++)
        out[i] = random_normal(p);
}

static inline void fill_bytes(tdi_prng *p, uint8_t *out, size_t count) {
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)tdi_prng_next(p);
}

#endif
