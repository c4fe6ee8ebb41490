/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times every strategy on feature tensors of real shapes: encode and decode per frame and per
 * element, bits per element. The tensors are synthetic (a smooth field and noise, another scale in
 * each channel), so the rates say nothing about real networks; bench/accuracy measures those.
 *
 *     bench_codec [--json] [STRATEGY...]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/codec.h>

#include "base/clock.h"
#include "base/prng.h"
#include "calib/calib.h"

#define ROUNDS 41

static const int32_t shapes[][3] = {{64, 14, 14}, {32, 28, 28}, {96, 14, 14}, {160, 7, 7}};

static const char *const strategies[] = {
    "raw",
    "f16",
    "uniform:levels=256,clip=3.3+pack",
    "uniform:levels=16,clip=3.3+pack",
    "uniform:levels=7,clip=3.3+pack",
    "uniform:levels=16,clip=3.3+png",
    "uniform:levels=256,clip=3.3+png",
    "uniform:levels=256,clip=3.3+jpeg:quality=20",
    "uniform:levels=256,clip=3.3+jpeg:quality=80",
};

static double normal(tdi_prng *prng) {
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += tdi_prng_unit(prng);
    return sum - 6;
}

static void fill(const td_layout *layout, float *features) {
    tdi_prng prng = {1};
    for (int32_t c = 0; c < layout->channels; c++) {
        double scale = exp(normal(&prng) * 0.5), phase = normal(&prng) * 3,
               mean = normal(&prng) * 0.3;
        for (int32_t y = 0; y < layout->height; y++)
            for (int32_t x = 0; x < layout->width; x++)
                *features++ = (float)(mean + scale * (sin(phase + 0.4 * x) * cos(phase - 0.5 * y) +
                                                      0.5 * normal(&prng)));
    }
}

static int compare(const void *a, const void *b) {
    td_duration x = *(const td_duration *)a, y = *(const td_duration *)b;
    return (x > y) - (x < y);
}

static double median_us(td_duration *times) {
    qsort(times, ROUNDS, sizeof *times, compare);
    return (double)times[ROUNDS / 2] / 1e3;
}

static void fail(const td_error *err) {
    fprintf(stderr, "bench_codec: %s\n", err->message);
    exit(1);
}

static void measure(const td_layout *layout, td_calibration *calibration, const float *features,
                    const char *strategy, int json, int first) {
    td_error err;
    td_codec *codec;
    if (td_codec_open(strategy, layout, calibration, &codec, &err))
        fail(&err);
    size_t elements = (size_t)td_layout_elements(layout), written = 0,
           bound = td_codec_bound(codec);
    uint8_t *bytes = malloc(bound);
    float *back = malloc(elements * sizeof *back);
    td_duration encode[ROUNDS], decode[ROUNDS];
    for (int i = -3; i < ROUNDS; i++) { /* three rounds of warm-up */
        td_time t0 = tdi_now();
        if (td_codec_encode(codec, features, bytes, bound, &written, &err))
            fail(&err);
        td_time t1 = tdi_now();
        if (td_codec_decode(codec, bytes, written, back, &err))
            fail(&err);
        td_time t2 = tdi_now();
        if (i >= 0) {
            encode[i] = t1 - t0;
            decode[i] = t2 - t1;
        }
    }
    double e = median_us(encode), d = median_us(decode),
           bits = 8.0 * (double)written / (double)elements;
    if (json)
        printf("%s\n  {\"shape\": [%d, %d, %d], \"strategy\": \"%s\", \"bytes\": %zu, "
               "\"bits_per_element\": %.3f, "
               "\"encode_us\": %.1f, \"decode_us\": %.1f}",
               first ? "" : ",", layout->channels, layout->height, layout->width,
               td_codec_strategy(codec), written, bits, e, d);
    else
        printf("%4dx%-2dx%-2d  %-46s %8zu %7.2f %9.1f %9.1f %8.2f\n", layout->channels,
               layout->height, layout->width, td_codec_strategy(codec), written, bits, e, d,
               (e + d) * 1e3 / (double)elements);
    td_codec_close(codec);
    free(bytes);
    free(back);
}

int main(int argc, char **argv) {
    int json = argc > 1 && !strcmp(argv[1], "--json");
    const char *const *list = argc > 1 + json ? (const char *const *)argv + 1 + json : strategies;
    size_t count = argc > 1 + json ? (size_t)(argc - 1 - json)
                                   : sizeof strategies / sizeof *strategies;
    int first = 1;
    if (json)
        printf("{\"rounds\": %d, \"rows\": [", ROUNDS);
    else
        printf("median of %d rounds, one thread\n%-11s %-46s %8s %7s %9s %9s %8s\n", ROUNDS,
               "shape", "strategy", "bytes", "bits/el", "encode us", "decode us", "ns/el");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        td_error err;
        td_layout layout = {TD_DTYPE_F32, TD_ORDER_CHW, shapes[s][0], shapes[s][1], shapes[s][2]};
        float *features = malloc((size_t)td_layout_elements(&layout) * sizeof *features);
        fill(&layout, features);
        tdi_calibration_builder *builder = tdi_calibration_builder_new("synthetic", &layout);
        tdi_calibration_builder_add(builder, features);
        td_calibration *calibration;
        if (tdi_calibration_builder_finish(builder, &calibration, &err))
            fail(&err);
        for (size_t i = 0; i < count; i++, first = 0)
            measure(&layout, calibration, features, list[i], json, first);
        td_calibration_unref(calibration);
        tdi_calibration_builder_free(builder);
        free(features);
    }
    if (json)
        printf("\n]}\n");
    return 0;
}
