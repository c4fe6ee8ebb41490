/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resize with every mode, coordinate system and rounding, against ONNX's formulas evaluated for one
 * output element at a time over all axes at once.
 */
#include "net.h"

#include "graph/op.h"

typedef struct setting {
    const char *mode, *coordinates, *rounding;
    int exclude_outside;
    float scale[4];
    int64_t sizes[4]; /* instead of scales, where not 0 */
    float region[8];  /* of tf_crop_and_resize */
} setting;

static const td_shape shape = {4, {1, 17, 7, 9}}; /* more channels than a block of 16 */

static float coordinate(const setting *s, int axis, int64_t out, int64_t o) {
    float in = (float)shape.dim[axis], x = (float)o;
    float scale = s->sizes[axis] ? (float)out / in : s->scale[axis];
    const char *c = s->coordinates;
    if (scale == 1 && strcmp(c, "tf_crop_and_resize") != 0)
        return x;
    if (!strcmp(c, "half_pixel"))
        return (x + 0.5f) / scale - 0.5f;
    if (!strcmp(c, "half_pixel_symmetric"))
        return in / 2 * (1 - (float)out / (scale * in)) + (x + 0.5f) / scale - 0.5f;
    if (!strcmp(c, "pytorch_half_pixel"))
        return out > 1 ? (x + 0.5f) / scale - 0.5f : 0;
    if (!strcmp(c, "tf_half_pixel_for_nn"))
        return (x + 0.5f) / scale;
    if (!strcmp(c, "align_corners"))
        return out > 1 ? x * (in - 1) / ((s->sizes[axis] ? (float)out : scale * in) - 1) : 0;
    if (!strcmp(c, "tf_crop_and_resize")) {
        float begin = s->region[axis], end = s->region[4 + axis];
        return out > 1 ? begin * (in - 1) + x * (end - begin) * (in - 1) / (float)(out - 1)
                       : 0.5f * (begin + end) * (in - 1);
    }
    return x / scale;
}

static double rounded(const setting *s, float x) {
    if (!strcmp(s->rounding, "floor"))
        return floor((double)x);
    if (!strcmp(s->rounding, "ceil"))
        return ceil((double)x);
    int is_half = x - floorf(x) == 0.5f;
    if (is_half)
        return !strcmp(s->rounding, "round_prefer_floor") ? floor((double)x) : ceil((double)x);
    return round((double)x);
}

static double cubic(double distance) {
    const double a = -0.75;
    double d = fabs(distance);
    if (d < 1)
        return (a + 2) * d * d * d - (a + 3) * d * d + 1;
    return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

/* The weight of input position i, which may lie outside, for coordinate x. */
static double weight_of(const setting *s, float x, int64_t i) {
    if (!strcmp(s->mode, "nearest"))
        return rounded(s, x) == (double)i;
    if (!strcmp(s->mode, "linear"))
        return fmax(0, 1 - fabs((double)x - (double)i));
    return cubic((double)x - (double)i);
}

/* Weights of the positions of one axis, with those outside given to the border. */
static int axis_weights(const setting *s, int axis, int64_t out, int64_t o, double *w) {
    int64_t in = shape.dim[axis];
    float x = coordinate(s, axis, out, o);
    double sum = 0;
    memset(w, 0, (size_t)in * sizeof *w);
    for (int64_t i = (int64_t)floorf(x) - 3; i <= (int64_t)floorf(x) + 4; i++) {
        double weight = weight_of(s, x, i);
        if (s->exclude_outside && (i < 0 || i >= in))
            continue;
        sum += weight;
        w[i < 0 ? 0 : i >= in ? in - 1 : i] += weight;
    }
    for (int64_t i = 0; s->exclude_outside && i < in; i++)
        w[i] /= sum;
    return x < 0 || x > (float)(in - 1);
}

static double element(const setting *s, const float *x, const td_shape *out, const int64_t *o) {
    double wy[16], wx[16], sum = 0;
    int outside = axis_weights(s, 2, out->dim[2], o[2], wy);
    outside |= axis_weights(s, 3, out->dim[3], o[3], wx);
    if (outside && !strcmp(s->coordinates, "tf_crop_and_resize"))
        return -7;
    for (int64_t i = 0; i < shape.dim[2]; i++)
        for (int64_t j = 0; j < shape.dim[3]; j++)
            sum += wy[i] * wx[j] * (double)x[(o[1] * shape.dim[2] + i) * shape.dim[3] + j];
    return sum;
}

static void text_attr(net *n, const char *name, const char *value) {
    assert_int_equal(tdi_graph_add_string(n->graph, net_last(n), name, value), 0);
}

static int resize(net *n, const setting *s, int x) {
    int inputs[4] = {x, -1, -1, -1}, has_sizes = s->sizes[0] != 0;
    int is_crop = !strcmp(s->coordinates, "tf_crop_and_resize");
    if (is_crop)
        inputs[1] = net_floats(n, DIMS(8), s->region);
    if (has_sizes)
        inputs[3] = net_ints(n, 4, s->sizes);
    else
        inputs[2] = net_floats(n, DIMS(4), s->scale);
    int y = net_op(n, "Resize", inputs, has_sizes ? 4 : 3);
    text_attr(n, "mode", s->mode);
    text_attr(n, "coordinate_transformation_mode", s->coordinates);
    text_attr(n, "nearest_mode", s->rounding);
    net_attr_int(n, "exclude_outside", s->exclude_outside);
    if (is_crop)
        assert_int_equal(tdi_graph_add_float(n->graph, net_last(n), "extrapolation_value", -7), 0);
    return y;
}

/* A convolution that copies. */
static int copied(net *n, int x) {
    float ones[17];
    for (int i = 0; i < 17; i++)
        ones[i] = 1;
    int y = NET_OP(n, "Conv", x, net_floats(n, DIMS(17, 1, 1, 1), ones));
    net_attr_int(n, "group", 17);
    return y;
}

/* Alone, or between layers that have layouts of their own. */
static void check_placed(const setting *s, int between) {
    net n = net_new(19, 5);
    int in = net_input(&n, shape);
    int y = between ? copied(&n, resize(&n, s, copied(&n, in))) : resize(&n, s, in);
    net_outputs(&n, &y, 1);
    td_shape out = n.graph->values[y].shape;
    float *x = random_floats(&n.prng, (size_t)td_shape_elements(&shape));
    const float *inputs[1] = {x};
    ran r = run_graph(n.graph, NULL, inputs);
    const float *got = tdi_run_output(r.run, 0);
    for (int64_t i = 0; i < td_shape_elements(&out); i++) {
        int64_t plane = out.dim[2] * out.dim[3];
        int64_t o[4] = {0, i / plane, i % plane / out.dim[3], i % out.dim[3]};
        double wanted = element(s, x, &out, o);
        if (!(fabs((double)got[i] - wanted) <= 2e-6 * (1 + fabs(wanted))))
            fail_msg("%s, %s, %s, %dx%d: element %d is %g, not %g", s->mode, s->coordinates,
                     s->rounding, (int)out.dim[2], (int)out.dim[3], (int)i, (double)got[i], wanted);
    }
    ran_free(&r);
    free(x);
    tdi_graph_free(n.graph);
}

static void check(const setting *s) {
    check_placed(s, 0);
    check_placed(s, 1);
}

static const char *const coordinates[] = {
    "half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel", "tf_half_pixel_for_nn",
    "align_corners", "asymmetric",           "tf_crop_and_resize"};

/* Calls check for all coordinate systems and for scales that enlarge, shrink and do both. */
static void check_all(const char *mode, const char *rounding, int exclude_outside) {
    static const float scales[][2] = {{2, 2}, {3, 1}, {1.7f, 2.4f}, {0.6f, 0.5f}, {0.3f, 1.5f}};
    static const int64_t sizes[][2] = {{14, 18}, {1, 1}, {10, 5}, {7, 9}};
    for (size_t c = 0; c < sizeof coordinates / sizeof coordinates[0]; c++) {
        setting s = {mode, coordinates[c], rounding, exclude_outside, {1, 1, 1, 1}, {0}, {0}};
        const float region[8] = {0, 0, 0.2f, -0.3f, 1, 1, 0.7f, 0.9f};
        memcpy(s.region, region, sizeof region);
        for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
            s.scale[2] = scales[i][0];
            s.scale[3] = scales[i][1];
            check(&s);
        }
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            const int64_t all[4] = {1, 17, sizes[i][0], sizes[i][1]};
            memcpy(s.sizes, all, sizeof all);
            check(&s);
        }
    }
}

static void nearest_takes_the_input_that_the_formula_names(void **state) {
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil"};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        check_all("nearest", roundings[i], 0);
}

static void linear_weighs_neighbours(void **state) {
    (void)state;
    check_all("linear", "floor", 0);
}

static void cubic_weighs_four_neighbours_an_axis(void **state) {
    (void)state;
    check_all("cubic", "floor", 0);
    check_all("cubic", "floor", 1);
}

/* Opset 9 rounds down; opset 10 up where it shrinks. */
static void old_opsets_have_their_own_rounding(void **state) {
    const float in[4] = {1, 2, 3, 4}, up[8] = {1, 1, 2, 2, 3, 3, 4, 4}, down[2] = {1, 3};
    const float *inputs[1] = {in};
    const float two[2] = {1, 2}, part[2] = {1, 0.6f};
    (void)state;
    net n = net_new(9, 1), m = net_new(10, 1);
    int y = NET_OP(&n, "Upsample", net_input(&n, DIMS(1, 4)), net_floats(&n, DIMS(2), two));
    int z = NET_OP(&m, "Resize", net_input(&m, DIMS(1, 4)), net_floats(&m, DIMS(2), part));
    net_outputs(&n, &y, 1);
    net_outputs(&m, &z, 1);
    ran r = run_graph(n.graph, NULL, inputs), q = run_graph(m.graph, NULL, inputs);
    assert_memory_equal(tdi_run_output(r.run, 0), up, sizeof up);
    assert_int_equal(tdi_run_output_bytes(q.run, 0), sizeof down);
    assert_memory_equal(tdi_run_output(q.run, 0), down, sizeof down);
    ran_free(&r);
    ran_free(&q);
    tdi_graph_free(n.graph);
    tdi_graph_free(m.graph);
}

/* A constant picture is resized when the program is made. */
static void constants_are_resized_once(void **state) {
    const setting s = {"cubic", "half_pixel", "floor", 0, {1, 1, 1.5f, 2}, {0}, {0}};
    net n = net_new(13, 3);
    (void)state;
    int picture = net_floats(&n, DIMS(1, 2, 4, 4), NULL);
    int direct = net_input(&n, DIMS(1, 2, 4, 4));
    int outputs[2] = {resize(&n, &s, picture), resize(&n, &s, direct)};
    float *x = malloc(32 * sizeof *x);
    memcpy(x, n.graph->values[picture].data->data, 32 * sizeof *x);
    const float *inputs[1] = {x};
    net_outputs(&n, outputs, 2);
    ran r = run_graph(n.graph, NULL, inputs);
    assert_memory_equal(tdi_run_output(r.run, 0), tdi_run_output(r.run, 1),
                        tdi_run_output_bytes(r.run, 0));
    ran_free(&r);
    free(x);
    tdi_graph_free(n.graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_takes_the_input_that_the_formula_names),
        cmocka_unit_test(linear_weighs_neighbours),
        cmocka_unit_test(cubic_weighs_four_neighbours_an_axis),
        cmocka_unit_test(old_opsets_have_their_own_rounding),
        cmocka_unit_test(constants_are_resized_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
