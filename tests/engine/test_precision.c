/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers with bfloat16 and with 8 bits against plain loops that round where they do. Run once more
 * on a processor that has no such instructions, or is told so, this tests that float32 is computed.
 */
#include "net.h"

#include "graph/op.h"

/* One layer: activation, addition, or both in either order behind it. */
typedef struct layer {
    net n;
    int64_t from, to, kernel, stride, groups, size, out;
    int posts; /* 0: none; 1: activation; 2: addition; 3: activation, addition; 4: the reverse */
    int activation;
    int x, addend, weights, bias, y;
} layer;

enum { RELU, CLIP, HARD_SWISH, ACTIVATIONS };
#define CLIP_LOW  -0.25f
#define CLIP_HIGH 0.75f

static int activate(layer *l, int value) {
    const float low = CLIP_LOW, high = CLIP_HIGH;
    if (l->activation == RELU)
        return NET_OP(&l->n, "Relu", value);
    if (l->activation == HARD_SWISH)
        return NET_OP(&l->n, "HardSwish", value);
    return NET_OP(&l->n, "Clip", value, net_floats(&l->n, (td_shape){0, {0}}, &low),
                  net_floats(&l->n, (td_shape){0, {0}}, &high));
}

static double activated(const layer *l, double v) {
    if (l->activation == RELU)
        return fmax(v, 0);
    if (l->activation == HARD_SWISH)
        return v * fmin(fmax(v / 6 + 0.5, 0), 1);
    return fmin(fmax(v, (double)CLIP_LOW), (double)CLIP_HIGH);
}

static int pick(layer *l, int below) {
    return (int)tdi_prng_below(&l->n.prng, (uint64_t)below);
}

static layer random_layer(uint64_t seed) {
    static const int kernels[] = {1, 3, 3, 5};
    layer l = {.n = net_new(14, seed)};
    l.from = 1 + pick(&l, 40);
    l.to = 1 + pick(&l, 40);
    l.groups = 1;
    if (pick(&l, 3) == 0)
        l.from = l.to = l.groups = 2 + pick(&l, 50);
    l.kernel = kernels[pick(&l, 4)];
    l.stride = 1 + pick(&l, 2);
    l.size = 6 + pick(&l, 12);
    l.posts = pick(&l, 5);
    l.activation = pick(&l, ACTIVATIONS);
    l.out = (l.size + l.stride - 1) / l.stride;
    l.x = net_input(&l.n, DIMS(1, l.from, l.size, l.size));
    if (l.posts >= 2)
        l.addend = net_input(&l.n, DIMS(1, l.to, l.out, l.out));
    l.y = net_conv(&l.n, l.x, l.from, l.to, l.kernel, l.stride, l.groups);
    const tdi_node *node = net_last(&l.n);
    l.weights = node->inputs[1];
    l.bias = node->inputs[2];
    if (l.posts == 1 || l.posts == 3)
        l.y = activate(&l, l.y);
    if (l.posts >= 2)
        l.y = NET_OP(&l.n, "Add", l.y, l.addend);
    if (l.posts == 4)
        l.y = activate(&l, l.y);
    net_outputs(&l.n, &l.y, 1);
    return l;
}

/* How numbers are rounded: to bfloat16, or with a scale to the integers of a type. */
typedef struct rounding {
    float scale; /* 0: bfloat16 */
    float low, high;
} rounding;

static const rounding bf16 = {0, 0, 0};

static float rounded(const rounding *r, float v) {
    uint32_t bits;
    if (r->scale > 0)
        return fminf(fmaxf(nearbyintf(v / r->scale), r->low), r->high) * r->scale;
    memcpy(&bits, &v, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&v, &bits, sizeof bits);
    return v;
}

static rounding rounding_of(const tdi_ranges *ranges, const char *name) {
    const tdi_range *range = tdi_ranges_find(ranges, name);
    if (!range)
        return bf16;
    if (range->low < 0)
        return (rounding){range->high / 127, -128, 127};
    return (rounding){range->high / 255, 0, 255};
}

static float *all_rounded(const rounding *r, const float *values, size_t count) {
    float *copy = malloc((count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = rounded(r, values[i]);
    return copy;
}

/* Weights by output with a scale of their own, sums over each window kept. */
static float *rounded_weights(const layer *l, int is_int8) {
    const float *weights = l->n.graph->values[l->weights].data->data;
    int64_t taps = l->kernel * l->kernel, row = l->from / l->groups * taps;
    float *copy = malloc((size_t)(l->to * row) * sizeof *copy);
    for (int64_t o = 0; o < l->to; o++) {
        float most = 0, error = 0;
        for (int64_t i = 0; i < row; i++)
            most = fmaxf(most, fabsf(weights[o * row + i]));
        const rounding r = {is_int8 ? most / 127 : 0, -127, 127};
        for (int64_t i = 0; i < row; i++) {
            float wanted = weights[o * row + i] + (i % taps ? error : 0);
            copy[o * row + i] = rounded(&r, wanted);
            error = wanted - copy[o * row + i];
        }
    }
    return copy;
}

static double sum_at(const layer *l, const float *x, const float *weights, int64_t o, int64_t row,
                     int64_t column) {
    int64_t per_group = l->from / l->groups, group = o / (l->to / l->groups);
    double sum = 0;
    for (int64_t c = 0; c < per_group; c++)
        for (int64_t i = 0; i < l->kernel; i++)
            for (int64_t j = 0; j < l->kernel; j++) {
                int64_t h = row * l->stride + i - l->kernel / 2;
                int64_t w = column * l->stride + j - l->kernel / 2;
                if (h < 0 || w < 0 || h >= l->size || w >= l->size)
                    continue;
                sum += (double)x[((group * per_group + c) * l->size + h) * l->size + w] *
                       (double)weights[((o * per_group + c) * l->kernel + i) * l->kernel + j];
            }
    return sum;
}

/* Before the result is rounded. */
static float *reference(const layer *l, const float *x, const float *addend, const float *weights) {
    const float *bias = l->n.graph->values[l->bias].data->data;
    float *y = malloc((size_t)(l->to * l->out * l->out) * sizeof *y);
    for (int64_t o = 0, at = 0; o < l->to; o++)
        for (int64_t p = 0; p < l->out * l->out; p++, at++) {
            double v = sum_at(l, x, weights, o, p / l->out, p % l->out) + (double)bias[o];
            if (l->posts == 1 || l->posts == 3)
                v = activated(l, v);
            if (l->posts >= 2)
                v += (double)addend[at];
            if (l->posts == 4)
                v = activated(l, v);
            y[at] = (float)v;
        }
    return y;
}

static void add_range(tdi_ranges *ranges, const char *name, const float *values, size_t count) {
    float low = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        low = fminf(low, values[i]);
        most = fmaxf(most, fabsf(values[i]));
    }
    assert_int_equal(tdi_ranges_add(ranges, name, low < 0 ? -most : 0, most, NULL), TD_OK);
}

/* Inputs of the layer; the first one is never negative in every other layer. */
static void make_inputs(layer *l, uint64_t seed, float *inputs[2]) {
    size_t count = (size_t)(l->from * l->size * l->size);
    inputs[0] = random_floats(&l->n.prng, count);
    inputs[1] = random_floats(&l->n.prng, (size_t)(l->to * l->out * l->out));
    for (size_t i = 0; i < count && seed % 2; i++)
        inputs[0][i] = fabsf(inputs[0][i]);
}

static const char *name_of(const layer *l, int value) {
    return l->n.graph->values[value].name;
}

static void compare_threads(const layer *l, const tdi_program_settings *settings,
                            float *const *inputs) {
    tdi_program_settings two = *settings;
    two.threads = 2;
    ran one = run_graph(l->n.graph, settings, (const float *const *)inputs);
    ran other = run_graph(l->n.graph, &two, (const float *const *)inputs);
    assert_memory_equal(tdi_run_output(one.run, 0), tdi_run_output(other.run, 0),
                        tdi_run_output_bytes(one.run, 0));
    ran_free(&one);
    ran_free(&other);
}

/* Layers that no kernel of low precision is there for are computed with float32, as ever. */
static int is_float32(const layer *l, const ran *r, float *const *inputs) {
    ran f32 = run_graph(l->n.graph, NULL, (const float *const *)inputs);
    int same = memcmp(tdi_run_output(r->run, 0), tdi_run_output(f32.run, 0),
                      tdi_run_output_bytes(r->run, 0)) == 0;
    ran_free(&f32);
    return same;
}

/*
 * The result differs by what its own rounding does where float sums fall on the other side: by one
 * unit at most, and in few places; `unit` of a number is the distance to the next one.
 */
static void check_result(const layer *l, const rounding *r, const float *got, const float *exact,
                         uint64_t seed) {
    size_t count = (size_t)(l->to * l->out * l->out), off = 0;
    for (size_t i = 0; i < count; i++) {
        float wanted = rounded(r, exact[i]);
        float unit = r->scale > 0 ? r->scale : fmaxf(fabsf(wanted), 1e-3f) / 128;
        float difference = fabsf(got[i] - wanted);
        if (!(difference <= 1.01f * unit))
            fail_msg("layer %d, element %zu of %zu: %g, not %g", (int)seed, i, count,
                     (double)got[i], (double)wanted);
        off += difference > 0.01f * unit;
    }
    if (off > count / 50 + 1)
        fail_msg("layer %d: %zu of %zu are off", (int)seed, off, count);
}

/* Whether it was computed with that precision. */
static int check_layer(td_precision precision, uint64_t seed) {
    layer l = random_layer(seed);
    tdi_ranges ranges = {0};
    float *inputs[2];
    make_inputs(&l, seed, inputs);
    size_t in = (size_t)(l.from * l.size * l.size), out = (size_t)(l.to * l.out * l.out);
    if (precision == TD_PRECISION_INT8) {
        ran whole = run_graph(l.n.graph, NULL, (const float *const *)inputs);
        add_range(&ranges, name_of(&l, l.x), inputs[0], in);
        if (l.posts >= 2)
            add_range(&ranges, name_of(&l, l.addend), inputs[1], out);
        add_range(&ranges, name_of(&l, l.y), tdi_run_output(whole.run, 0), out);
        ran_free(&whole);
    }
    const tdi_program_settings settings = {
        .batch = 1, .threads = 1, .precision = precision, .ranges = &ranges};
    rounding of_x = rounding_of(&ranges, name_of(&l, l.x)), of_addend = bf16;
    rounding of_y = rounding_of(&ranges, name_of(&l, l.y));
    if (l.posts >= 2)
        of_addend = rounding_of(&ranges, name_of(&l, l.addend));
    float *x = all_rounded(&of_x, inputs[0], in), *addend = all_rounded(&of_addend, inputs[1], out);
    float *weights = rounded_weights(&l, precision == TD_PRECISION_INT8);
    float *exact = reference(&l, x, addend, weights);
    ran r = run_graph(l.n.graph, &settings, (const float *const *)inputs);
    int is_low = !is_float32(&l, &r, inputs);
    if (is_low)
        check_result(&l, &of_y, tdi_run_output(r.run, 0), exact, seed);
    compare_threads(&l, &settings, inputs);
    ran_free(&r);
    free(x);
    free(addend);
    free(weights);
    free(exact);
    free(inputs[0]);
    free(inputs[1]);
    tdi_ranges_clear(&ranges);
    tdi_graph_free(l.n.graph);
    return is_low;
}

static void bfloat16_layers_equal_plain_loops(void **state) {
    (void)state;
    if (!tdi_engine_computes(TD_PRECISION_BF16))
        skip();
    int low = 0;
    for (uint64_t seed = 1; seed <= 100; seed++)
        low += check_layer(TD_PRECISION_BF16, seed);
    assert_in_range(low, 80, 100);
}

static void eight_bit_layers_equal_plain_loops(void **state) {
    (void)state;
    if (!tdi_engine_computes(TD_PRECISION_INT8))
        skip();
    int low = 0;
    for (uint64_t seed = 1; seed <= 100; seed++)
        low += check_layer(TD_PRECISION_INT8, seed);
    assert_in_range(low, 100, 100);
}

/* 32 channels, so that no way of running it is out of the question. */
static layer plain_layer(void) {
    layer l = {.n = net_new(14, 5), .from = 32, .to = 32, .size = 12, .out = 12};
    l.x = net_input(&l.n, DIMS(1, 32, 12, 12));
    l.y = NET_OP(&l.n, "Relu", net_conv(&l.n, l.x, 32, 32, 3, 1, 1));
    net_outputs(&l.n, &l.y, 1);
    return l;
}

static void low_precision_is_taken_where_nothing_is_measured(void **state) {
    static const char *const with[] = {NULL, "bf16", "int8"};
    layer l = plain_layer();
    tdi_ranges ranges = {0};
    float *inputs[1] = {random_floats(&l.n.prng, 32 * 12 * 12)};
    (void)state;
    tdi_ranges_add(&ranges, name_of(&l, l.x), -1, 1, NULL);
    tdi_ranges_add(&ranges, name_of(&l, l.y), 0, 3, NULL);
    for (int p = TD_PRECISION_BF16; p <= TD_PRECISION_INT8; p++) {
        const tdi_program_settings settings = {
            .batch = 1, .threads = 1, .precision = (td_precision)p, .ranges = &ranges};
        ran r = run_graph(l.n.graph, &settings, (const float *const *)inputs);
        ran f32 = run_graph(l.n.graph, NULL, (const float *const *)inputs);
        size_t bytes = tdi_run_output_bytes(r.run, 0);
        int same = memcmp(tdi_run_output(r.run, 0), tdi_run_output(f32.run, 0), bytes) == 0;
        /* A processor without the instructions computes as if nothing had been asked for. */
        if (same == tdi_engine_computes((td_precision)p))
            fail_msg("%s: %s float32's result", with[p], same ? "it is" : "it is not");
        ran_free(&r);
        ran_free(&f32);
    }
    free(inputs[0]);
    tdi_ranges_clear(&ranges);
    tdi_graph_free(l.n.graph);
}

static void what_has_no_range_is_not_computed_with_8_bits(void **state) {
    layer l = plain_layer();
    float *inputs[1] = {random_floats(&l.n.prng, 32 * 12 * 12)};
    const tdi_program_settings low = {.batch = 1, .threads = 1, .precision = TD_PRECISION_BF16},
                               lower = {.batch = 1, .threads = 1, .precision = TD_PRECISION_INT8};
    (void)state;
    ran a = run_graph(l.n.graph, &low, (const float *const *)inputs);
    ran b = run_graph(l.n.graph, &lower, (const float *const *)inputs);
    assert_memory_equal(tdi_run_output(a.run, 0), tdi_run_output(b.run, 0),
                        tdi_run_output_bytes(a.run, 0));
    ran_free(&a);
    ran_free(&b);
    free(inputs[0]);
    tdi_graph_free(l.n.graph);
}

/* Pooling, a branch and a dense layer between convolutions: formats meet. */
static void networks_with_both_stay_near_float32(void **state) {
    net n = net_new(14, 11);
    tdi_ranges ranges = {0};
    (void)state;
    int x = net_input(&n, DIMS(1, 3, 40, 40));
    int a = NET_OP(&n, "Relu", net_conv(&n, x, 3, 24, 3, 1, 1));
    int pooled = NET_OP(&n, "MaxPool", a);
    net_attr_ints(&n, "kernel_shape", 2, (int64_t[]){2, 2});
    net_attr_ints(&n, "strides", 2, (int64_t[]){2, 2});
    int b = NET_OP(&n, "Relu", net_conv(&n, pooled, 24, 24, 3, 1, 24));
    int c = NET_OP(&n, "Relu", NET_OP(&n, "Add", net_conv(&n, b, 24, 24, 1, 1, 1), pooled));
    int d = NET_OP(&n, "Sigmoid", net_conv(&n, c, 24, 24, 1, 1, 1));
    int e = NET_OP(&n, "Flatten", NET_OP(&n, "GlobalAveragePool", NET_OP(&n, "Mul", c, d)));
    int y = NET_OP(&n, "Gemm", e, net_weights(&n, DIMS(24, 10), 24),
                   net_floats(&n, DIMS(10), NULL));
    net_outputs(&n, &y, 1);
    float *input = random_floats(&n.prng, 3 * 40 * 40);
    tdi_graph *all = net_unfused(n.graph);
    ran whole = run_graph(all, NULL, (const float *const *)&input);
    add_range(&ranges, n.graph->values[x].name, input, 3 * 40 * 40);
    for (int i = 0; i < all->output_count; i++)
        add_range(&ranges, all->values[all->outputs[i]].name, tdi_run_output(whole.run, i),
                  tdi_run_output_bytes(whole.run, i) / sizeof(float));
    for (int p = TD_PRECISION_BF16; p <= TD_PRECISION_INT8; p++) {
        const tdi_program_settings settings = {
            .batch = 1, .threads = 1, .precision = (td_precision)p, .ranges = &ranges};
        ran r = run_graph(n.graph, &settings, (const float *const *)&input);
        double difference = relative_difference(tdi_run_output(r.run, 0),
                                                tdi_run_output(whole.run, 0), 10);
        /* Three roundings of 1/256 one after the other; the average evens most of it out. */
        if (!(difference < 0.02))
            fail_msg("%s is off by %g", td_precision_name((td_precision)p), difference);
        ran_free(&r);
    }
    ran_free(&whole);
    free(input);
    tdi_ranges_clear(&ranges);
    tdi_graph_free(all);
    tdi_graph_free(n.graph);
}

/* Measuring takes part: every way of a layer is run once, and what is taken is near float32. */
static void measured_choices_stay_near_float32(void **state) {
    layer l = plain_layer();
    tdi_ranges ranges = {0};
    float *inputs[1] = {random_floats(&l.n.prng, 32 * 12 * 12)};
    tdi_timings *timings = tdi_timings_new();
    (void)state;
    ran f32 = run_graph(l.n.graph, NULL, (const float *const *)inputs);
    tdi_ranges_add(&ranges, name_of(&l, l.x), -1, 1, NULL);
    add_range(&ranges, name_of(&l, l.y), tdi_run_output(f32.run, 0), 32 * 12 * 12);
    for (int p = TD_PRECISION_F32; p <= TD_PRECISION_INT8; p++) {
        const tdi_program_settings settings = {.batch = 1,
                                               .threads = 1,
                                               .timings = timings,
                                               .precision = (td_precision)p,
                                               .ranges = &ranges};
        ran r = run_graph(l.n.graph, &settings, (const float *const *)inputs);
        assert_true(relative_difference(tdi_run_output(r.run, 0), tdi_run_output(f32.run, 0),
                                        32 * 12 * 12) < 0.02);
        ran_free(&r);
    }
    tdi_timings_unref(timings);
    ran_free(&f32);
    free(inputs[0]);
    tdi_ranges_clear(&ranges);
    tdi_graph_free(l.n.graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bfloat16_layers_equal_plain_loops),
        cmocka_unit_test(eight_bit_layers_equal_plain_loops),
        cmocka_unit_test(low_precision_is_taken_where_nothing_is_measured),
        cmocka_unit_test(what_has_no_range_is_not_computed_with_8_bits),
        cmocka_unit_test(networks_with_both_stay_near_float32),
        cmocka_unit_test(measured_choices_stay_near_float32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
