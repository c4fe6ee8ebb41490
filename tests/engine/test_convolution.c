/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution and pooling of random form against loops in double precision.
 */
#include "net.h"

typedef struct form {
    int axes, ceil_mode, include_pad;
    int64_t batch, channels, filters, groups;
    int64_t in[2], kernel[2], stride[2], dilation[2], begin[2], end[2];
} form;

static int64_t pick(tdi_prng *prng, int64_t low, int64_t high) {
    return low + (int64_t)tdi_prng_below(prng, (uint64_t)(high - low + 1));
}

static form random_form(tdi_prng *prng) {
    static const int64_t sizes[] = {1, 2, 3, 8, 16, 17, 24, 32};
    form f = {.axes = tdi_prng_below(prng, 5) == 0 ? 1 : 2, .batch = 1};
    int64_t in = sizes[tdi_prng_below(prng, 8)], out = sizes[tdi_prng_below(prng, 8)];
    f.groups = 1;
    if (tdi_prng_below(prng, 3) == 0)
        f.groups = out = in; /* depthwise */
    else if (tdi_prng_below(prng, 3) == 0)
        f.groups = 2, in *= 2, out *= 2;
    f.channels = in;
    f.filters = out;
    for (int i = 0; i < 2; i++) {
        int used = i < f.axes;
        f.kernel[i] = used ? pick(prng, 1, 4) : 1;
        f.dilation[i] = used && tdi_prng_below(prng, 4) == 0 ? 2 : 1;
        f.stride[i] = used ? pick(prng, 1, 3) : 1;
        f.begin[i] = used ? pick(prng, 0, f.kernel[i] - 1) : 0;
        f.end[i] = used ? pick(prng, 0, f.kernel[i] - 1) : 0;
        int64_t extent = (f.kernel[i] - 1) * f.dilation[i] + 1;
        f.in[i] = used ? extent + pick(prng, 0, 9) : 1;
    }
    return f;
}

static td_shape picture(const form *f) {
    return f->axes == 1 ? DIMS(f->batch, f->channels, f->in[0])
                        : DIMS(f->batch, f->channels, f->in[0], f->in[1]);
}

static void set_window(net *n, const form *f) {
    size_t axes = (size_t)f->axes;
    int64_t pads[4];
    for (size_t i = 0; i < axes; i++)
        pads[i] = f->begin[i], pads[axes + i] = f->end[i];
    net_attr_ints(n, "strides", axes, f->stride);
    net_attr_ints(n, "dilations", axes, f->dilation);
    net_attr_ints(n, "pads", 2 * axes, pads);
}

/* The input element under tap (i, j) of the window at (y, x); NULL in the padding. */
static const float *under(const form *f, const float *plane, const int64_t at[2],
                          const int64_t tap[2]) {
    int64_t p[2];
    for (int i = 0; i < 2; i++) {
        p[i] = at[i] * f->stride[i] - f->begin[i] + tap[i] * f->dilation[i];
        if (p[i] < 0 || p[i] >= f->in[i])
            return NULL;
    }
    return plane + p[0] * f->in[1] + p[1];
}

static double convolve(const form *f, const float *x, const float *weights, int64_t filter,
                       const int64_t at[2]) {
    int64_t per_group = f->channels / f->groups, taps = f->kernel[0] * f->kernel[1];
    int64_t first = filter / (f->filters / f->groups) * per_group;
    double sum = 0;
    for (int64_t c = 0; c < per_group; c++) {
        for (int64_t t = 0; t < taps; t++) {
            int64_t tap[2] = {t / f->kernel[1], t % f->kernel[1]};
            const float *v = under(f, x + (first + c) * f->in[0] * f->in[1], at, tap);
            if (v)
                sum += (double)*v * (double)weights[(filter * per_group + c) * taps + t];
        }
    }
    return sum;
}

static void out_dims(const tdi_graph *graph, int64_t out[2]) {
    const td_shape *shape = &graph->values[graph->outputs[0]].shape;
    out[0] = shape->dim[2];
    out[1] = shape->rank > 3 ? shape->dim[3] : 1;
}

static void check_convolution(const form *f, uint64_t seed) {
    net n = net_new(13, seed);
    td_shape kernel = DIMS(f->filters, f->channels / f->groups, f->kernel[0], f->kernel[1]);
    kernel.rank = 2 + f->axes;
    int weights = net_floats(&n, kernel, NULL), bias = net_floats(&n, DIMS(f->filters), NULL);
    int y = NET_OP(&n, "Conv", net_input(&n, picture(f)), weights, bias);
    set_window(&n, f);
    net_attr_int(&n, "group", f->groups);
    net_outputs(&n, &y, 1);
    float *x = random_floats(&n.prng, (size_t)(f->channels * f->in[0] * f->in[1]));
    const float *inputs[1] = {x}, *w = n.graph->values[weights].data->data;
    const float *b = n.graph->values[bias].data->data;
    ran r = run_graph(n.graph, NULL, inputs);
    const float *got = tdi_run_output(r.run, 0);
    int64_t out[2];
    out_dims(n.graph, out);
    for (int64_t i = 0; i < f->filters * out[0] * out[1]; i++) {
        int64_t filter = i / (out[0] * out[1]), at[2] = {i / out[1] % out[0], i % out[1]};
        double wanted = convolve(f, x, w, filter, at) + (double)b[filter];
        if (!(fabs((double)got[i] - wanted) < 1e-4))
            fail_msg("seed %llu: element %lld is %g, not %g", (unsigned long long)seed,
                     (long long)i, (double)got[i], wanted);
    }
    ran_free(&r);
    free(x);
    tdi_graph_free(n.graph);
}

static void convolutions_of_random_form_agree_with_loops(void **state) {
    uint64_t seed = test_seed(1000);
    (void)state;
    for (uint64_t i = 0; i < 150; i++) {
        tdi_prng prng = {seed + i};
        form f = random_form(&prng);
        check_convolution(&f, seed + i);
    }
}

static double pooled(const form *f, const float *plane, const int64_t at[2], int average) {
    double sum = 0, most = -INFINITY;
    int64_t count = 0;
    for (int64_t t = 0; t < f->kernel[0] * f->kernel[1]; t++) {
        int64_t tap[2] = {t / f->kernel[1], t % f->kernel[1]}, inside = 1;
        for (int i = 0; i < 2; i++) {
            int64_t p = at[i] * f->stride[i] - f->begin[i] + tap[i] * f->dilation[i];
            inside &= p >= -f->begin[i] && p < f->in[i] + f->end[i];
        }
        const float *v = under(f, plane, at, tap);
        if (v) {
            sum += (double)*v;
            most = fmax(most, (double)*v);
        }
        count += f->include_pad ? inside : v != NULL;
    }
    return average ? sum / (double)count : most;
}

static void check_pool(form f, int average, int behind_convolution, uint64_t seed) {
    net n = net_new(19, seed);
    tdi_prng prng = {seed ^ 77};
    f.ceil_mode = (int)tdi_prng_below(&prng, 2);
    f.include_pad = average && tdi_prng_below(&prng, 2);
    int x = net_input(&n, picture(&f));
    /* Behind a convolution the picture lies in blocks. */
    int p = behind_convolution && f.axes == 2 ? net_conv(&n, x, f.channels, f.channels, 1, 1, 1)
                                              : x;
    int y = NET_OP(&n, average ? "AveragePool" : "MaxPool", p);
    net_attr_ints(&n, "kernel_shape", (size_t)f.axes, f.kernel);
    set_window(&n, &f);
    net_attr_int(&n, "ceil_mode", f.ceil_mode);
    if (average)
        net_attr_int(&n, "count_include_pad", f.include_pad);
    int outputs[2] = {y, p};
    net_outputs(&n, outputs, p == x ? 1 : 2);
    int64_t plane = f.in[0] * f.in[1], out[2];
    float *values = random_floats(&n.prng, (size_t)(f.channels * plane));
    const float *inputs[1] = {values};
    ran r = run_graph(n.graph, NULL, inputs);
    const float *got = tdi_run_output(r.run, 0), *from = p == x ? values : tdi_run_output(r.run, 1);
    out_dims(n.graph, out);
    for (int64_t i = 0; i < f.channels * out[0] * out[1]; i++) {
        int64_t at[2] = {i / out[1] % out[0], i % out[1]};
        double wanted = pooled(&f, from + i / (out[0] * out[1]) * plane, at, average);
        if (!(fabs((double)got[i] - wanted) < 1e-5))
            fail_msg("seed %llu: element %lld is %g, not %g", (unsigned long long)seed,
                     (long long)i, (double)got[i], wanted);
    }
    ran_free(&r);
    free(values);
    tdi_graph_free(n.graph);
}

static void pools_of_random_form_agree_with_loops(void **state) {
    uint64_t seed = test_seed(2000);
    (void)state;
    for (uint64_t i = 0; i < 200; i++) {
        tdi_prng prng = {seed + i};
        check_pool(random_form(&prng), i & 1, i >> 1 & 1, seed + i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_of_random_form_agree_with_loops),
        cmocka_unit_test(pools_of_random_form_agree_with_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
