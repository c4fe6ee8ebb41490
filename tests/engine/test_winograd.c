/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd convolution against the definition: sizes that tiles do not divide, paddings, threads
 * that take turns, and every implementation that this processor can run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/prng.h"
#include "engine/native/winograd.h"

enum { LANES = 16 };

typedef struct example {
    tdi_winograd_shape shape;
    float *src, *addend, *kernel, *bias;
    size_t results;
} example;

static float *random_floats(tdi_prng *prng, size_t count) {
    float *values = tdi_malloc_aligned(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)tdi_prng_unit(prng) * 2 - 1;
    return values;
}

static example example_new(int tile, int batch, int channels, int outputs, int height, int width,
                           int pad_top, int pad_bottom, int pad_left, int pad_right) {
    tdi_prng prng = {(uint64_t)(height * 100 + width)};
    example e = {.shape = {tile, batch, channels, outputs, height, width,
                           height + pad_top + pad_bottom - 2, width + pad_left + pad_right - 2,
                           pad_top, pad_left}};
    e.results = (size_t)(batch * outputs * e.shape.out_height * e.shape.out_width);
    e.src = random_floats(&prng, (size_t)(batch * channels * height * width));
    e.addend = random_floats(&prng, e.results);
    e.kernel = random_floats(&prng, (size_t)(channels * outputs * 9));
    e.bias = random_floats(&prng, (size_t)outputs);
    return e;
}

static void example_free(example *e) {
    tdi_free_aligned(e->src);
    tdi_free_aligned(e->addend);
    tdi_free_aligned(e->kernel);
    tdi_free_aligned(e->bias);
}

static size_t place(int channels, int height, int width, int n, int c, int y, int x) {
    size_t block = (size_t)n * (size_t)(channels / LANES) + (size_t)(c / LANES);
    return ((block * (size_t)height + (size_t)y) * (size_t)width + (size_t)x) * LANES +
           (size_t)(c % LANES);
}

static double definition(const example *e, int n, int o, int y, int x) {
    const tdi_winograd_shape *s = &e->shape;
    double sum = e->bias[o];
    for (int c = 0; c < s->channels; c++)
        for (int k = 0; k < 9; k++) {
            int sy = y + k / 3 - s->pad_top, sx = x + k % 3 - s->pad_left;
            if (sy < 0 || sx < 0 || sy >= s->height || sx >= s->width)
                continue;
            sum += (double)e->kernel[(o * s->channels + c) * 9 + k] *
                   (double)e->src[place(s->channels, s->height, s->width, n, c, sy, sx)];
        }
    return sum;
}

static void compare(const example *e, const float *dst, int with_addend, double low, double high) {
    const tdi_winograd_shape *s = &e->shape;
    /* Sums of 9 * channels products of numbers up to 1. */
    const double tolerance = 2e-6 * 9 * s->channels;
    for (int n = 0; n < s->batch; n++)
        for (int o = 0; o < s->outputs; o++)
            for (int y = 0; y < s->out_height; y++)
                for (int x = 0; x < s->out_width; x++) {
                    size_t at = place(s->outputs, s->out_height, s->out_width, n, o, y, x);
                    double wanted = definition(e, n, o, y, x);
                    if (with_addend)
                        wanted += (double)e->addend[at];
                    wanted = fmin(fmax(wanted, low), high);
                    if (!(fabs(wanted - (double)dst[at]) < tolerance))
                        fail_msg("picture %d, output %d at %d, %d: %g instead of %g", n, o, y, x,
                                 (double)dst[at], wanted);
                }
}

/* All parts of a phase one after the other are as good as at once. */
static void run(const example *e, const tdi_winograd_kernels *kernels, int parts, int with_addend,
                float low, float high) {
    tdi_winograd w;
    tdi_winograd_init(&w, &e->shape, parts);
    w.kernels = kernels;
    float *weights = tdi_malloc_aligned(tdi_winograd_weights(&w) * sizeof(float));
    float *dst = tdi_malloc_aligned(e->results * sizeof(float));
    float *scratch = tdi_malloc_aligned(tdi_winograd_scratch(&w, parts) * sizeof(float));
    tdi_winograd_pack(&w, e->kernel, weights);
    w.weights = weights;
    w.bias = e->bias;
    w.low = low;
    w.high = high;
    const tdi_winograd_memory memory = {e->src, with_addend ? e->addend : NULL, dst, scratch};
    for (int phase = 0; phase < tdi_winograd_phases(&w, parts); phase++)
        for (int part = 0; part < parts; part++)
            tdi_winograd_phase(&w, &memory, phase, part, parts);
    compare(e, dst, with_addend, (double)low, (double)high);
    tdi_free_aligned(weights);
    tdi_free_aligned(dst);
    tdi_free_aligned(scratch);
}

static void run_all(const tdi_winograd_kernels *kernels) {
    static const int sizes[][2] = {{1, 1}, {3, 9}, {8, 8}, {13, 6}};
    for (int tile = 2; tile <= 4; tile += 2)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            example e = example_new(tile, 2, 32, 48, sizes[i][0], sizes[i][1], 1, 1, 1, 1);
            run(&e, kernels, 1, 0, -INFINITY, INFINITY);
            run(&e, kernels, 3, 1, 0, 6);
            example_free(&e);
        }
}

static void the_plain_kernels_agree_with_the_definition(void **state) {
    (void)state;
    run_all(&tdi_winograd_kernels_c);
}

static void the_kernels_of_this_processor_agree_with_the_definition(void **state) {
    (void)state;
    run_all(tdi_winograd_best());
#if defined(__x86_64__)
    if (tdi_cpu() >= TDI_CPU_AVX2)
        run_all(&tdi_winograd_kernels_avx2);
#endif
}

static void paddings_may_differ_from_side_to_side(void **state) {
    (void)state;
    for (int tile = 2; tile <= 4; tile += 2) {
        example none = example_new(tile, 1, 16, 16, 7, 12, 0, 0, 0, 0);
        example some = example_new(tile, 1, 16, 16, 7, 12, 2, 0, 1, 3);
        run(&none, tdi_winograd_best(), 1, 0, -INFINITY, INFINITY);
        run(&some, tdi_winograd_best(), 1, 1, -INFINITY, INFINITY);
        example_free(&none);
        example_free(&some);
    }
}

static void many_tiles_are_done_in_groups(void **state) {
    (void)state;
    example e = example_new(2, 1, 64, 64, 40, 40, 1, 1, 1, 1);
    tdi_winograd w;
    tdi_winograd_init(&w, &e.shape, 1);
    assert_true(w.group < w.tiles);
    run(&e, tdi_winograd_best(), 1, 0, 0, INFINITY);
    run(&e, tdi_winograd_best(), 2, 1, 0, INFINITY);
    example_free(&e);
}

static void the_result_may_take_the_place_of_the_addend(void **state) {
    example e = example_new(4, 1, 16, 16, 9, 9, 1, 1, 1, 1);
    tdi_winograd w;
    (void)state;
    tdi_winograd_init(&w, &e.shape, 1);
    float *weights = tdi_malloc_aligned(tdi_winograd_weights(&w) * sizeof(float));
    float *scratch = tdi_malloc_aligned(tdi_winograd_scratch(&w, 1) * sizeof(float));
    float *dst = tdi_malloc_aligned(e.results * sizeof(float));
    for (size_t i = 0; i < e.results; i++)
        dst[i] = e.addend[i];
    tdi_winograd_pack(&w, e.kernel, weights);
    w.weights = weights;
    w.bias = e.bias;
    w.low = -INFINITY;
    w.high = INFINITY;
    const tdi_winograd_memory memory = {e.src, dst, dst, scratch};
    tdi_winograd_phase(&w, &memory, 0, 0, 1);
    compare(&e, dst, 1, -INFINITY, INFINITY);
    tdi_free_aligned(weights);
    tdi_free_aligned(scratch);
    tdi_free_aligned(dst);
    example_free(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_kernels_agree_with_the_definition),
        cmocka_unit_test(the_kernels_of_this_processor_agree_with_the_definition),
        cmocka_unit_test(paddings_may_differ_from_side_to_side),
        cmocka_unit_test(many_tiles_are_done_in_groups),
        cmocka_unit_test(the_result_may_take_the_place_of_the_addend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
