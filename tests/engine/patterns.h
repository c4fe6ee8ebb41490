/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What networks for pictures are built of, as small graphs with random weights.
 */
#ifndef TDT_ENGINE_PATTERNS_H
#define TDT_ENGINE_PATTERNS_H

#include "net.h"

typedef int pattern_fn(net *n, int x);

typedef struct pattern {
    const char *name;
    int64_t opset;
    td_shape input;
    pattern_fn *build;
} pattern;

static int scalar(net *n, float value) {
    return net_floats(n, (td_shape){0, {0}}, &value);
}

static void attr_text(net *n, const char *name, const char *value) {
    assert_int_equal(tdi_graph_add_string(n->graph, net_last(n), name, value), 0);
}

static void attr_float(net *n, const char *name, float value) {
    assert_int_equal(tdi_graph_add_float(n->graph, net_last(n), name, value), 0);
}

static int concat(net *n, const int *inputs, int count) {
    int y = net_op(n, "Concat", inputs, count);
    net_attr_int(n, "axis", 1);
    return y;
}
#define CONCAT(n, ...)                                                                             \
    concat(n, (const int[]){__VA_ARGS__}, (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)))

static int conv_relu(net *n, int x, int64_t from, int64_t to, int64_t kernel) {
    return NET_OP(n, "Relu", net_conv(n, x, from, to, kernel, 1, 1));
}

static int pool(net *n, const char *type, int x, int64_t kernel, int64_t stride, int64_t pad) {
    int y = NET_OP(n, type, x);
    net_attr_ints(n, "kernel_shape", 2, (int64_t[]){kernel, kernel});
    net_attr_ints(n, "strides", 2, (int64_t[]){stride, stride});
    net_attr_ints(n, "pads", 4, (int64_t[]){pad, pad, pad, pad});
    return y;
}

/* Squeeze and excitation; `gate` is Sigmoid (EfficientNet) or HardSigmoid (MobileNetV3). */
static int excite(net *n, int x, int64_t channels, const char *inner, const char *gate) {
    int pooled = NET_OP(n, "GlobalAveragePool", x);
    int hidden = NET_OP(n, inner, net_conv(n, pooled, channels, channels / 4, 1, 1, 1));
    int scale = NET_OP(n, gate, net_conv(n, hidden, channels / 4, channels, 1, 1, 1));
    if (strcmp(gate, "HardSigmoid") == 0)
        attr_float(n, "alpha", 1.0f / 6);
    return NET_OP(n, "Mul", x, scale);
}

static int mobilenet_v3(net *n, int x) {
    int wide = NET_OP(n, "HardSwish", net_conv(n, x, 16, 64, 1, 1, 1));
    int deep = NET_OP(n, "HardSwish", net_conv(n, wide, 64, 64, 5, 1, 64));
    int narrow = net_conv(n, excite(n, deep, 64, "Relu", "HardSigmoid"), 64, 16, 1, 1, 1);
    return NET_OP(n, "Add", x, narrow);
}

static int swish(net *n, int x) {
    return NET_OP(n, "Mul", x, NET_OP(n, "Sigmoid", x));
}

static int efficientnet(net *n, int x) {
    int wide = swish(n, net_conv(n, x, 16, 64, 1, 1, 1));
    int deep = swish(n, net_norm(n, net_conv(n, wide, 64, 64, 3, 2, 64), 64));
    return net_conv(n, excite(n, deep, 64, "Relu", "Sigmoid"), 64, 24, 1, 1, 1);
}

static int densenet(net *n, int x) {
    int features = x;
    for (int64_t layer = 0, channels = 16; layer < 3; layer++, channels += 12) {
        int inner = NET_OP(n, "Relu", net_norm(n, features, channels));
        int grown = net_conv(n, conv_relu(n, inner, channels, 48, 1), 48, 12, 3, 1, 1);
        features = CONCAT(n, features, grown);
    }
    return pool(n, "AveragePool", net_conv(n, features, 52, 26, 1, 1, 1), 2, 2, 0);
}

static int inception(net *n, int x) {
    int one = conv_relu(n, x, 16, 24, 1);
    int three = conv_relu(n, conv_relu(n, x, 16, 8, 1), 8, 32, 3);
    int five = conv_relu(n, conv_relu(n, x, 16, 4, 1), 4, 12, 5);
    int pooled = conv_relu(n, pool(n, "MaxPool", x, 3, 1, 1), 16, 12, 1);
    return CONCAT(n, one, three, five, pooled);
}

static int local_response(net *n, int x) {
    int y = NET_OP(n, "LRN", conv_relu(n, x, 16, 32, 3));
    net_attr_int(n, "size", 5);
    attr_float(n, "alpha", 0.5f);
    return pool(n, "MaxPool", y, 3, 2, 0);
}

static int squeezenet(net *n, int x) {
    int squeezed = conv_relu(n, x, 16, 8, 1);
    int y = CONCAT(n, conv_relu(n, squeezed, 8, 32, 1), conv_relu(n, squeezed, 8, 32, 3));
    y = pool(n, "MaxPool", y, 3, 2, 0);
    net_attr_int(n, "ceil_mode", 1);
    return y;
}

static int unet(net *n, int x) {
    int left = conv_relu(n, x, 16, 16, 3);
    int bottom = conv_relu(n, pool(n, "MaxPool", left, 2, 2, 0), 16, 32, 3);
    int up = NET_OP(n, "ConvTranspose", bottom, net_weights(n, DIMS(32, 16, 2, 2), 32),
                    net_floats(n, DIMS(16), NULL));
    net_attr_ints(n, "strides", 2, (int64_t[]){2, 2});
    return conv_relu(n, CONCAT(n, left, up), 32, 8, 3);
}

static int transposed(net *n, int x) {
    int y = NET_OP(n, "ConvTranspose", x, net_weights(n, DIMS(16, 4, 3, 3), 72));
    net_attr_ints(n, "strides", 2, (int64_t[]){2, 2});
    net_attr_ints(n, "pads", 4, (int64_t[]){1, 1, 1, 1});
    net_attr_ints(n, "output_padding", 2, (int64_t[]){1, 1});
    net_attr_int(n, "group", 2);
    int z = NET_OP(n, "ConvTranspose", y, net_weights(n, DIMS(8, 3, 4, 3), 24));
    net_attr_ints(n, "strides", 2, (int64_t[]){3, 2});
    net_attr_ints(n, "dilations", 2, (int64_t[]){1, 2});
    return z;
}

static int resize_to(net *n, int x, const char *mode, const char *coordinates,
                     const float *scales) {
    int y = NET_OP(n, "Resize", x, -1, net_floats(n, DIMS(4), scales));
    attr_text(n, "mode", mode);
    attr_text(n, "coordinate_transformation_mode", coordinates);
    if (strcmp(coordinates, "asymmetric") == 0)
        attr_text(n, "nearest_mode", "floor");
    return y;
}

static int dilated(net *n, int x, int64_t dilation) {
    int y = NET_OP(n, "Conv", x, net_weights(n, DIMS(8, 16, 3, 3), 144));
    net_attr_ints(n, "pads", 4, (int64_t[]){dilation, dilation, dilation, dilation});
    net_attr_ints(n, "dilations", 2, (int64_t[]){dilation, dilation});
    return NET_OP(n, "Relu", net_norm(n, y, 8));
}

static int deeplab(net *n, int x) {
    int pooled = conv_relu(n, NET_OP(n, "GlobalAveragePool", x), 16, 8, 1);
    int whole = resize_to(n, pooled, "linear", "pytorch_half_pixel", (const float[]){1, 1, 14, 14});
    int y = CONCAT(n, conv_relu(n, x, 16, 8, 1), dilated(n, x, 2), dilated(n, x, 4), whole);
    return resize_to(n, conv_relu(n, y, 32, 6, 1), "linear", "half_pixel",
                     (const float[]){1, 1, 4, 4});
}

static int pyramid(net *n, int x) {
    int down = NET_OP(n, "LeakyRelu", net_conv(n, x, 16, 32, 3, 2, 1));
    int up = resize_to(n, net_conv(n, down, 32, 16, 1, 1, 1), "nearest", "asymmetric",
                       (const float[]){1, 1, 2, 2});
    return CONCAT(n, up, x);
}

static int resized_every_way(net *n, int x) {
    const float up[4] = {1, 1, 1.7f, 2.4f}, down[4] = {1, 1, 0.6f, 0.8f};
    int a = resize_to(n, x, "cubic", "half_pixel", up);
    int b = resize_to(n, x, "linear", "asymmetric", up);
    int c = resize_to(n, x, "nearest", "half_pixel", up);
    int sum = NET_OP(n, "Sum", a, b, c);
    int d = resize_to(n, sum, "linear", "half_pixel", down);
    int e = resize_to(n, sum, "nearest", "asymmetric", down);
    return NET_OP(n, "Mean", d, e);
}

static int linear(net *n, int x, int64_t from, int64_t to) {
    int product = NET_OP(n, "MatMul", x, net_weights(n, DIMS(from, to), from));
    return NET_OP(n, "Add", product, net_floats(n, DIMS(to), NULL));
}

static int layer_norm(net *n, int x, int64_t width) {
    int scale = net_floats(n, DIMS(width), NULL);
    return NET_OP(n, "LayerNormalization", x, scale, net_floats(n, DIMS(width), NULL));
}

static int written_gelu(net *n, int x) {
    int erf = NET_OP(n, "Erf", NET_OP(n, "Div", x, scalar(n, sqrtf(2))));
    int product = NET_OP(n, "Mul", x, NET_OP(n, "Add", erf, scalar(n, 1)));
    return NET_OP(n, "Mul", product, scalar(n, 0.5f));
}

static int transformer(net *n, int x) {
    int normal = layer_norm(n, x, 48);
    int query = linear(n, normal, 48, 48), value = linear(n, normal, 48, 48);
    int key = NET_OP(n, "Transpose", linear(n, normal, 48, 48));
    net_attr_ints(n, "perm", 3, (int64_t[]){0, 2, 1});
    int scores = NET_OP(n, "Mul", NET_OP(n, "MatMul", query, key), scalar(n, 1 / sqrtf(48)));
    int mixed = NET_OP(n, "MatMul", NET_OP(n, "Softmax", scores), value);
    int y = NET_OP(n, "Add", x, linear(n, mixed, 48, 48));
    int hidden = written_gelu(n, linear(n, layer_norm(n, y, 48), 48, 192));
    return NET_OP(n, "Add", y, linear(n, hidden, 192, 48));
}

/* As exporters write it before opset 17. */
static int written_layer_norm(net *n, int x) {
    int mean = NET_OP(n, "ReduceMean", x);
    net_attr_ints(n, "axes", 1, (int64_t[]){-1});
    int centred = NET_OP(n, "Sub", x, mean);
    int variance = NET_OP(n, "ReduceMean", NET_OP(n, "Pow", centred, scalar(n, 2)));
    net_attr_ints(n, "axes", 1, (int64_t[]){-1});
    int root = NET_OP(n, "Sqrt", NET_OP(n, "Add", variance, scalar(n, 1e-5f)));
    int scaled = NET_OP(n, "Mul", NET_OP(n, "Div", centred, root), net_floats(n, DIMS(48), NULL));
    return NET_OP(n, "Add", scaled, net_floats(n, DIMS(48), NULL));
}

static int style_transfer(net *n, int x) {
    int pads = net_ints(n, 8, (int64_t[]){0, 0, 4, 4, 0, 0, 4, 4});
    int padded = NET_OP(n, "Pad", x, pads);
    attr_text(n, "mode", "reflect");
    int y = net_conv(n, padded, 16, 24, 3, 1, 1);
    y = NET_OP(n, "InstanceNormalization", y, net_floats(n, DIMS(24), NULL),
               net_floats(n, DIMS(24), NULL));
    return NET_OP(n, "PRelu", y, net_floats(n, DIMS(24, 1, 1), NULL));
}

static int shuffle(net *n, int x) {
    int groups = NET_OP(n, "Reshape", net_conv(n, x, 16, 24, 1, 1, 2),
                        net_ints(n, 5, (int64_t[]){1, 2, 12, 14, 14}));
    int swapped = NET_OP(n, "Transpose", groups);
    net_attr_ints(n, "perm", 5, (int64_t[]){0, 2, 1, 3, 4});
    int flat = NET_OP(n, "Reshape", swapped, net_ints(n, 4, (int64_t[]){1, 24, 14, 14}));
    return net_conv(n, flat, 24, 24, 3, 2, 24);
}

static int super_resolution(net *n, int x) {
    int y = NET_OP(n, "DepthToSpace", net_conv(n, x, 16, 27, 3, 1, 1));
    net_attr_int(n, "blocksize", 3);
    attr_text(n, "mode", "CRD");
    return y;
}

static int volume(net *n, int x) {
    int y = NET_OP(n, "Conv", x, net_weights(n, DIMS(8, 3, 3, 3, 3), 81));
    net_attr_ints(n, "strides", 3, (int64_t[]){1, 2, 2});
    y = NET_OP(n, "MaxPool", NET_OP(n, "Relu", y));
    net_attr_ints(n, "kernel_shape", 3, (int64_t[]){2, 2, 2});
    return NET_OP(n, "GlobalAveragePool", y);
}

static const pattern patterns[] = {
    {"MobileNetV3", 14, {4, {1, 16, 14, 14}}, mobilenet_v3},
    {"EfficientNet", 14, {4, {1, 16, 14, 14}}, efficientnet},
    {"DenseNet", 13, {4, {1, 16, 14, 14}}, densenet},
    {"Inception", 13, {4, {1, 16, 14, 14}}, inception},
    {"LRN", 13, {4, {1, 16, 14, 14}}, local_response},
    {"SqueezeNet", 13, {4, {1, 16, 14, 14}}, squeezenet},
    {"U-Net", 13, {4, {1, 16, 14, 14}}, unet},
    {"ConvTranspose", 13, {4, {1, 16, 14, 14}}, transposed},
    {"DeepLab", 13, {4, {1, 16, 14, 14}}, deeplab},
    {"feature pyramid", 13, {4, {1, 16, 14, 14}}, pyramid},
    {"Resize", 13, {4, {1, 3, 14, 15}}, resized_every_way},
    {"transformer", 17, {3, {1, 20, 48}}, transformer},
    {"layer norm before opset 17", 13, {3, {1, 20, 48}}, written_layer_norm},
    {"style transfer", 13, {4, {1, 16, 14, 14}}, style_transfer},
    {"ShuffleNet", 13, {4, {1, 16, 14, 14}}, shuffle},
    {"super resolution", 13, {4, {1, 16, 14, 14}}, super_resolution},
    {"three axes", 13, {5, {1, 3, 6, 12, 12}}, volume},
};
#define PATTERNS (sizeof patterns / sizeof patterns[0])

static net build(const pattern *p) {
    net n = net_new(p->opset, 7);
    int y = p->build(&n, net_input(&n, p->input));
    td_error err = {TD_OK, -1, ""};
    assert_int_equal(tdi_graph_set_outputs(n.graph, &y, 1), 0);
    if (tdi_graph_infer(n.graph, 1, &err) != TD_OK)
        fail_msg("%s: %s", p->name, err.message);
    return n;
}

#endif
