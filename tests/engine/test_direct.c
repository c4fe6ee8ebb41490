/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each implementation of the kernels against the plain C one, bit for bit, and that one against
 * sums in double precision.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/prng.h"
#include "engine/native/mobile.h"

#define CANARY 64 /* floats around a result that must stay as they are */

static float *noise(size_t count, uint64_t seed) {
    tdi_prng prng = {seed};
    float *data = tdi_malloc_aligned((count + 1) * sizeof *data);
    assert_non_null(data);
    for (size_t i = 0; i < count; i++)
        data[i] = (float)(tdi_prng_unit(&prng) * 2 - 1);
    return data;
}

/* A result filled with a value that no kernel computes. */
static float *blank(size_t count) {
    float *data = tdi_malloc_aligned((count + 2 * CANARY) * sizeof *data);
    assert_non_null(data);
    for (size_t i = 0; i < count + 2 * CANARY; i++)
        data[i] = 12345;
    return data;
}

static void expect_equal(const float *expected, const float *got, size_t count, const char *what) {
    for (size_t i = 0; i < count + 2 * CANARY; i++)
        if (expected[i] != got[i])
            fail_msg("%s: element %td is %.9g, not %.9g", what, (ptrdiff_t)i - CANARY,
                     (double)got[i], (double)expected[i]);
}

static const tdi_finish finishes[] = {
    {-INFINITY, INFINITY, 0}, {0, INFINITY, 0},         {0, 6, 0},
    {0.1f, 0.4f, 0},          {-INFINITY, INFINITY, 1},
};
#define FINISHES (sizeof finishes / sizeof finishes[0])

static void zero_missing(float *data, int channels, size_t pixels) {
    for (int c = channels; c < tdi_blocks(channels) * TDI_LANES; c++)
        for (size_t p = 0; p < pixels; p++)
            data[((size_t)(c / TDI_LANES) * pixels + p) * TDI_LANES + (size_t)(c % TDI_LANES)] = 0;
}

static float *bias_of(int channels, uint64_t seed) {
    float *bias = noise((size_t)tdi_blocks(channels) * TDI_LANES, seed);
    for (int c = channels; c < tdi_blocks(channels) * TDI_LANES; c++)
        bias[c] = 0;
    return bias;
}

static float *pointwise_weights(int inputs, int outputs) {
    float *plain = noise((size_t)(inputs * outputs), 11);
    float *packed = noise(tdi_pointwise_pack_size(inputs, outputs), 1);
    tdi_pointwise_pack(plain, inputs, outputs, packed);
    tdi_free_aligned(plain);
    return packed;
}

static float *depthwise_weights(int channels, int kernel) {
    float *plain = noise((size_t)(channels * kernel * kernel), 12);
    float *packed = noise(tdi_depthwise_pack_size(channels, kernel), 1);
    tdi_depthwise_pack(plain, channels, kernel, packed);
    tdi_free_aligned(plain);
    return packed;
}

/* The sum is made in two parts where there are two blocks of inputs and `split` is set. */
static void run_pointwise(const tdi_direct_kernels *kernels, const tdi_pointwise *layer,
                          tdi_pointwise_task task, int split) {
    int all = tdi_blocks(layer->inputs);
    if (!split || all < 2) {
        kernels->pointwise(layer, &task);
        return;
    }
    task.input_blocks = 1;
    kernels->pointwise(layer, &task);
    task.src += task.src_stride;
    task.first_input = 1;
    task.input_blocks = all - 1;
    kernels->pointwise(layer, &task);
}

static void check_pointwise(int inputs, int outputs, int width, int height, int gap,
                            const tdi_finish *finish, int with_addend, int split) {
    size_t pixels = (size_t)(width * height), pitch = (size_t)(width + gap);
    size_t stride = pitch * (size_t)height * TDI_LANES;
    size_t count = (size_t)tdi_blocks(outputs) * stride;
    float *src = noise((size_t)tdi_blocks(inputs) * pixels * TDI_LANES, 2);
    float *weights = pointwise_weights(inputs, outputs), *bias = bias_of(outputs, 3);
    float *addend = noise(count, 4), *expected = blank(count), *got = blank(count);
    tdi_pointwise layer = {inputs, outputs, weights, bias, *finish};
    tdi_pointwise_task task = {.src = src,
                               .src_stride = pixels * TDI_LANES,
                               .dst = expected + CANARY,
                               .dst_stride = stride,
                               .addend = with_addend ? addend : NULL,
                               .pixels = (int)pixels,
                               .width = width,
                               .pitch = (int)pitch,
                               .output_blocks = tdi_blocks(outputs),
                               .input_blocks = tdi_blocks(inputs)};
    zero_missing(addend, outputs, stride / TDI_LANES);
    run_pointwise(&tdi_direct_c, &layer, task, 0);
    task.dst = got + CANARY;
    run_pointwise(tdi_direct_best(), &layer, task, split);
    expect_equal(expected, got, count, "1x1");
    tdi_free_aligned(src);
    tdi_free_aligned(weights);
    tdi_free_aligned(bias);
    tdi_free_aligned(addend);
    tdi_free_aligned(expected);
    tdi_free_aligned(got);
}

static void pointwise_equals_the_reference(void **state) {
    static const int channels[][2] = {{1, 1}, {3, 16}, {16, 24}, {24, 48}, {33, 5}, {40, 70}};
    (void)state;
    for (size_t c = 0; c < sizeof channels / sizeof channels[0]; c++)
        for (size_t f = 0; f < FINISHES; f++)
            for (int how = 0; how < 4; how++) {
                check_pointwise(channels[c][0], channels[c][1], 7, 5, how & 1 ? 2 : 0, &finishes[f],
                                how & 1, how & 2);
                check_pointwise(channels[c][0], channels[c][1], 29, 2, 0, &finishes[f], how & 1,
                                how & 2);
            }
    for (int width = 1; width <= 15; width++)
        for (int outputs = 16; outputs <= 32; outputs += 16)
            check_pointwise(20, outputs, width, 1, 3, &finishes[2], 0, 0);
}

static void pointwise_is_a_matrix_product(void **state) {
    enum { INPUTS = 21, OUTPUTS = 37, PIXELS = 9 };
    (void)state;
    float *plain = noise((size_t)(INPUTS * OUTPUTS), 5), *bias = bias_of(OUTPUTS, 6);
    float *packed = noise(tdi_pointwise_pack_size(INPUTS, OUTPUTS), 1);
    float *src = noise((size_t)(2 * PIXELS * TDI_LANES), 7);
    float *dst = noise((size_t)(3 * PIXELS * TDI_LANES), 8);
    tdi_pointwise_pack(plain, INPUTS, OUTPUTS, packed);
    tdi_pointwise layer = {INPUTS, OUTPUTS, packed, bias, finishes[0]};
    tdi_pointwise_task task = {.src = src,
                               .src_stride = (size_t)PIXELS * TDI_LANES,
                               .dst = dst,
                               .dst_stride = (size_t)PIXELS * TDI_LANES,
                               .pixels = PIXELS,
                               .width = PIXELS,
                               .pitch = PIXELS,
                               .output_blocks = 3,
                               .input_blocks = 2};
    tdi_direct_c.pointwise(&layer, &task);
    for (int o = 0; o < 3 * TDI_LANES; o++)
        for (int p = 0; p < PIXELS; p++) {
            double sum = o < OUTPUTS ? (double)bias[o] : 0;
            for (int i = 0; i < INPUTS && o < OUTPUTS; i++)
                sum += (double)plain[o * INPUTS + i] *
                       (double)src[(i / TDI_LANES * PIXELS + p) * TDI_LANES + i % TDI_LANES];
            double got = (double)dst[(o / TDI_LANES * PIXELS + p) * TDI_LANES + o % TDI_LANES];
            assert_true(fabs(got - sum) < 1e-5);
        }
    tdi_free_aligned(plain);
    tdi_free_aligned(bias);
    tdi_free_aligned(packed);
    tdi_free_aligned(src);
    tdi_free_aligned(dst);
}

static void check_planar(int inputs, int outputs, int kernel, int stride, int width,
                         const tdi_finish *finish) {
    int taps = inputs * kernel * kernel, columns = (width - 1) * stride + kernel;
    size_t count = (size_t)(tdi_blocks(outputs) * width) * TDI_LANES;
    float *planes = noise((size_t)(inputs * kernel * columns), 2);
    float *plain = noise((size_t)(outputs * taps), 3), *bias = bias_of(outputs, 4);
    float *packed = noise(tdi_planar_pack_size(inputs, outputs, kernel), 1);
    float *expected = blank(count), *got = blank(count);
    const float *rows[TDI_PLANAR_ROWS_MAX];
    for (int r = 0; r < inputs * kernel; r++)
        rows[r] = planes + (size_t)r * (size_t)columns;
    tdi_planar_pack(plain, inputs, outputs, kernel, packed);
    tdi_planar layer = {inputs, outputs, kernel, stride, packed, bias, *finish};
    tdi_direct_c.planar(&layer, rows, expected + CANARY, (size_t)width * TDI_LANES, width);
    tdi_direct_best()->planar(&layer, rows, got + CANARY, (size_t)width * TDI_LANES, width);
    expect_equal(expected, got, count, "planes");
    tdi_free_aligned(planes);
    tdi_free_aligned(plain);
    tdi_free_aligned(bias);
    tdi_free_aligned(packed);
    tdi_free_aligned(expected);
    tdi_free_aligned(got);
}

static void planar_equals_the_reference(void **state) {
    (void)state;
    for (size_t f = 0; f < FINISHES; f++) {
        check_planar(3, 32, 3, 2, 33, &finishes[f]);
        check_planar(1, 24, 3, 1, 14, &finishes[f]);
        check_planar(4, 40, 5, 2, 7, &finishes[f]);
        check_planar(3, 9, 7, 2, 19, &finishes[f]);
    }
}

/* Depthwise: every window on rows given one by one. */
static void check_depthwise(int kernel, int stride, int width, const tdi_finish *finish) {
    enum { CHANNELS = 27, BLOCK = 1 };
    size_t columns = (size_t)((width - 1) * stride + kernel);
    size_t count = (size_t)width * TDI_LANES;
    float *src = noise((size_t)kernel * columns * TDI_LANES, 2);
    float *weights = depthwise_weights(CHANNELS, kernel), *bias = bias_of(CHANNELS, 3);
    float *expected = blank(count), *got = blank(count);
    const float *rows[TDI_DEPTHWISE_KERNEL_MAX];
    for (int r = 0; r < kernel; r++)
        rows[r] = src + (size_t)r * columns * TDI_LANES;
    tdi_depthwise layer = {CHANNELS, kernel, stride, weights, bias, *finish};
    tdi_direct_c.depthwise(&layer, BLOCK, rows, expected + CANARY, width);
    tdi_direct_best()->depthwise(&layer, BLOCK, rows, got + CANARY, width);
    expect_equal(expected, got, count, "depthwise");
    tdi_free_aligned(src);
    tdi_free_aligned(weights);
    tdi_free_aligned(bias);
    tdi_free_aligned(expected);
    tdi_free_aligned(got);
}

static void depthwise_equals_the_reference(void **state) {
    (void)state;
    for (int kernel = 1; kernel <= TDI_DEPTHWISE_KERNEL_MAX; kernel++)
        for (int stride = 1; stride <= 3; stride++)
            for (int width = 1; width <= 36; width += width < 16 ? 1 : 5)
                check_depthwise(kernel, stride, width, &finishes[kernel % (int)FINISHES]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointwise_equals_the_reference),
        cmocka_unit_test(pointwise_is_a_matrix_product),
        cmocka_unit_test(planar_equals_the_reference),
        cmocka_unit_test(depthwise_equals_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
