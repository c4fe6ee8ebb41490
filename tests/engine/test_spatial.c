/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution, its transpose and pooling in random forms, with one to three axes, against
 * the definition computed element by element in double.
 */
#include "net.h"

#include "graph/op.h"

#define AXES 3

/* A random form: sizes are 1 on axes that are not there. */
typedef struct form {
    int axes;
    int64_t in[AXES], kernel[AXES], stride[AXES], dilation[AXES], begin[AXES], end[AXES];
    int64_t groups, inputs, outputs; /* channels per group */
} form;

static int64_t pick(tdi_prng *prng, int64_t low, int64_t high) {
    return low + (int64_t)(tdi_prng_unit(prng) * (double)(high - low + 1));
}

static form random_form(tdi_prng *prng) {
    form f = {.axes = (int)pick(prng, 1, AXES)};
    f.groups = pick(prng, 1, 3);
    f.inputs = pick(prng, 1, 5);
    f.outputs = pick(prng, 1, 20);
    for (int i = 0; i < AXES; i++) {
        int there = i >= AXES - f.axes;
        f.in[i] = there ? pick(prng, 5, 9) : 1;
        f.kernel[i] = there ? pick(prng, 1, 3) : 1;
        f.stride[i] = there ? pick(prng, 1, 3) : 1;
        f.dilation[i] = there ? pick(prng, 1, 2) : 1;
        f.begin[i] = there ? pick(prng, 0, f.kernel[i] - 1) : 0;
        f.end[i] = there ? pick(prng, 0, f.kernel[i] - 1) : 0;
    }
    return f;
}

static td_shape spatial(const form *f, int64_t a, int64_t b, const int64_t *dims) {
    td_shape shape = {2 + f->axes, {a, b}};
    for (int i = 0; i < f->axes; i++)
        shape.dim[2 + i] = dims[AXES - f->axes + i];
    return shape;
}

static void set_window(net *n, const form *f) {
    int first = AXES - f->axes;
    size_t axes = (size_t)f->axes;
    int64_t pads[2 * AXES];
    for (int i = 0; i < f->axes; i++) {
        pads[i] = f->begin[first + i];
        pads[f->axes + i] = f->end[first + i];
    }
    net_attr_ints(n, "strides", axes, f->stride + first);
    net_attr_ints(n, "dilations", axes, f->dilation + first);
    net_attr_ints(n, "pads", 2 * axes, pads);
}

static void output_dims(const net *n, const form *f, int64_t out[AXES]) {
    const td_shape *shape = &n->graph->values[n->graph->outputs[0]].shape;
    for (int i = 0; i < AXES; i++)
        out[i] = i < AXES - f->axes ? 1 : shape->dim[2 + i - (AXES - f->axes)];
}

static int64_t at(const int64_t *dims, const int64_t *index) {
    return (index[0] * dims[1] + index[1]) * dims[2] + index[2];
}

/* The next index of a box; 0 after the last. */
static int next(const int64_t *dims, int64_t *index) {
    for (int i = AXES - 1; i >= 0; i--) {
        if (++index[i] < dims[i])
            return 1;
        index[i] = 0;
    }
    return 0;
}

/*
 * Adds kernel tap `k` of one pair of channels: `small` and `large` are the sides of the window that
 * are tied by large = small * stride + tap * dilation - begin.
 */
static int large_of(const form *f, const int64_t *small, const int64_t *k, const int64_t *dims,
                    int64_t large[AXES]) {
    for (int i = 0; i < AXES; i++) {
        large[i] = small[i] * f->stride[i] + k[i] * f->dilation[i] - f->begin[i];
        if (large[i] < 0 || large[i] >= dims[i])
            return 0;
    }
    return 1;
}

static double *convolve(const form *f, int transposed, const float *x, const float *w,
                        const float *bias, const int64_t *out) {
    int64_t in_plane = f->in[0] * f->in[1] * f->in[2], plane = out[0] * out[1] * out[2];
    int64_t taps = f->kernel[0] * f->kernel[1] * f->kernel[2];
    double *y = calloc((size_t)(f->groups * f->outputs * plane), sizeof *y);
    for (int64_t o = 0; o < f->groups * f->outputs; o++)
        for (int64_t i = 0; i < plane; i++)
            y[o * plane + i] = (double)bias[o];
    for (int64_t g = 0; g < f->groups; g++)
        for (int64_t o = 0; o < f->outputs; o++)
            for (int64_t c = 0; c < f->inputs; c++) {
                const float *xs = x + (g * f->inputs + c) * in_plane;
                double *ys = y + (g * f->outputs + o) * plane;
                int64_t pair = transposed ? (g * f->inputs + c) * f->outputs + o
                                          : (g * f->outputs + o) * f->inputs + c;
                int64_t small[AXES] = {0}, k[AXES] = {0}, large[AXES];
                do {
                    do {
                        if (!large_of(f, small, k, transposed ? out : f->in, large))
                            continue;
                        double weight = (double)w[pair * taps + at(f->kernel, k)];
                        if (transposed)
                            ys[at(out, large)] += weight * (double)xs[at(f->in, small)];
                        else
                            ys[at(out, small)] += weight * (double)xs[at(f->in, large)];
                    } while (next(f->kernel, k));
                } while (next(transposed ? f->in : out, small));
            }
    return y;
}

static void expect_close(const ran *r, const double *wanted, const char *what) {
    const float *got = tdi_run_output(r->run, 0);
    size_t count = tdi_run_output_bytes(r->run, 0) / sizeof(float);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - wanted[i]) <= 2e-5 * (1 + fabs(wanted[i]))))
            fail_msg("%s: element %zu is %g, not %g", what, i, (double)got[i], wanted[i]);
}

/* One form, its weights constant or inputs of the graph. */
static void check_convolution(uint64_t seed, int transposed, int computed) {
    net n = net_new(13, seed);
    form f = random_form(&n.prng);
    td_shape in = spatial(&f, 1, f.groups * f.inputs, f.in);
    td_shape kernel = transposed ? spatial(&f, f.groups * f.inputs, f.outputs, f.kernel)
                                 : spatial(&f, f.groups * f.outputs, f.inputs, f.kernel);
    td_shape vector = {1, {f.groups * f.outputs}};
    float *x = random_floats(&n.prng, (size_t)td_shape_elements(&in));
    float *w = random_floats(&n.prng, (size_t)td_shape_elements(&kernel));
    float *b = random_floats(&n.prng, (size_t)vector.dim[0]);
    int xv = net_input(&n, in);
    int wv = computed ? net_input(&n, kernel) : net_floats(&n, kernel, w);
    int bv = computed ? net_input(&n, vector) : net_floats(&n, vector, b);
    int y = NET_OP(&n, transposed ? "ConvTranspose" : "Conv", xv, wv, bv);
    set_window(&n, &f);
    net_attr_int(&n, "group", f.groups);
    net_outputs(&n, &y, 1);
    int64_t out[AXES];
    output_dims(&n, &f, out);
    double *wanted = convolve(&f, transposed, x, w, b, out);
    const float *inputs[3] = {x, w, b};
    ran r = run_graph(n.graph, NULL, inputs);
    char what[64];
    snprintf(what, sizeof what, "%s, seed %d", transposed ? "transposed" : "plain", (int)seed);
    expect_close(&r, wanted, what);
    ran_free(&r);
    free(wanted);
    free(x);
    free(w);
    free(b);
    tdi_graph_free(n.graph);
}

static void convolutions_of_any_form_follow_the_definition(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        for (int computed = 0; computed < 2; computed++)
            check_convolution(seed, 0, computed);
}

static void transposed_convolutions_of_any_form_follow_the_definition(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        for (int computed = 0; computed < 2; computed++)
            check_convolution(seed, 1, computed);
}

static void output_padding_adds_places_behind(void **state) {
    const float in[2] = {1, 2}, out[6] = {1, 10, 2, 20, 0, 0};
    for (int64_t extra = 0; extra < 2; extra++) {
        net n = net_new(13, 1);
        const float *inputs[1] = {in}, weights[2] = {1, 10};
        (void)state;
        int y = NET_OP(&n, "ConvTranspose", net_input(&n, DIMS(1, 1, 2)),
                       net_floats(&n, DIMS(1, 1, 2), weights));
        net_attr_ints(&n, "strides", 1, (int64_t[]){2});
        net_attr_ints(&n, "output_padding", 1, &extra);
        net_outputs(&n, &y, 1);
        ran r = run_graph(n.graph, NULL, inputs);
        assert_int_equal(tdi_run_output_bytes(r.run, 0), (size_t)(4 + extra) * sizeof(float));
        assert_memory_equal(tdi_run_output(r.run, 0), out, (size_t)(4 + extra) * sizeof(float));
        ran_free(&r);
        tdi_graph_free(n.graph);
    }
}

/* Elements of a window, and how many places of it lie inside the padding. */
static double pool_one(const char *type, const form *f, const float *x, const int64_t *o,
                       int include_pad) {
    double sum = 0, most = -INFINITY, norm = 0;
    int64_t k[AXES] = {0}, place[AXES], count = 0, padded = 0;
    do {
        int inside = 1;
        for (int i = 0; i < AXES; i++) {
            int64_t p = o[i] * f->stride[i] + k[i] * f->dilation[i] - f->begin[i];
            inside &= p < f->in[i] + f->end[i];
        }
        padded += inside;
        if (!large_of(f, o, k, f->in, place))
            continue;
        double v = (double)x[at(f->in, place)];
        sum += v;
        norm += v * v;
        most = v > most ? v : most;
        count++;
    } while (next(f->kernel, k));
    if (strcmp(type, "MaxPool") == 0)
        return most;
    if (strcmp(type, "LpPool") == 0)
        return sqrt(norm);
    return sum / (double)(include_pad ? padded : count);
}

static void check_pool(uint64_t seed, const char *type) {
    net n = net_new(19, seed);
    form f = random_form(&n.prng);
    td_shape in = spatial(&f, 1, f.inputs, f.in);
    float *x = random_floats(&n.prng, (size_t)td_shape_elements(&in));
    int include_pad = strcmp(type, "AveragePool") == 0 && seed % 2;
    int y = NET_OP(&n, type, net_input(&n, in));
    set_window(&n, &f);
    net_attr_ints(&n, "kernel_shape", (size_t)f.axes, f.kernel + AXES - f.axes);
    net_attr_int(&n, "ceil_mode", seed % 3 == 0);
    if (include_pad)
        net_attr_int(&n, "count_include_pad", 1);
    net_outputs(&n, &y, 1);
    int64_t out[AXES];
    output_dims(&n, &f, out);
    int64_t plane = out[0] * out[1] * out[2], in_plane = f.in[0] * f.in[1] * f.in[2];
    double *wanted = calloc((size_t)(f.inputs * plane), sizeof *wanted);
    for (int64_t c = 0; c < f.inputs; c++) {
        int64_t o[AXES] = {0};
        do
            wanted[c * plane + at(out, o)] = pool_one(type, &f, x + c * in_plane, o, include_pad);
        while (next(out, o));
    }
    const float *inputs[1] = {x};
    ran r = run_graph(n.graph, NULL, inputs);
    expect_close(&r, wanted, type);
    ran_free(&r);
    free(wanted);
    free(x);
    tdi_graph_free(n.graph);
}

static void pooling_of_any_form_follows_the_definition(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        check_pool(seed, "MaxPool");
        check_pool(seed, "AveragePool");
        check_pool(seed, "LpPool");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_of_any_form_follow_the_definition),
        cmocka_unit_test(transposed_convolutions_of_any_form_follow_the_definition),
        cmocka_unit_test(output_padding_adds_places_behind),
        cmocka_unit_test(pooling_of_any_form_follows_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
