/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shape inference: every operator, every form its arguments have had, and what must be refused.
 */
#include "model.h"

/*
 * One operator on the input "x", with up to four more constants "c0".. as inputs: "f:3,1" floats of
 * that shape, "v:1,2" these floats, "i:1,2" these integers, "n:0.5" a number, "" left out.
 */
typedef struct op_case {
    int opset;
    const char *type, *shape, *constants[4], *attributes,
        *expected; /* shape, or "!" and part of the message */
} op_case;

static void add_constants(message *graph, const op_case *c, char *inputs, size_t inputs_bytes) {
    snprintf(inputs, inputs_bytes, "x");
    for (int i = 0; i < 4 && c->constants[i]; i++) {
        const char *text = c->constants[i];
        char name[8] = "";
        if (*text)
            snprintf(name, sizeof name, "c%d", i);
        if (*text == 'f')
            add_floats(graph, name, text + 2);
        else if (*text == 'v')
            add_vector(graph, name, text + 2);
        else if (*text == 'i')
            add_ints(graph, name, text + 2);
        else if (*text == 'n')
            add_number(graph, name, strtof(text + 2, NULL));
        size_t at = strlen(inputs);
        snprintf(inputs + at, inputs_bytes - at, ",%s", name);
    }
}

static void run_case(const op_case *c) {
    message graph = {0};
    char inputs[64];
    tdi_graph *out;
    td_error err;
    add_input(&graph, "x", c->shape);
    add_output(&graph, "y");
    add_constants(&graph, c, inputs, sizeof inputs);
    add_node(&graph, c->type, inputs, "y", c->attributes ? c->attributes : "");
    message model = model_of(&graph, c->opset);
    td_status status = read_model(&model, NULL, &out, &err);
    if (*c->expected == '!') {
        if (status == TD_OK)
            fail_msg("%s opset %d %s: accepted as %s, expected: %s", c->type, c->opset,
                     c->attributes ? c->attributes : "", shape_text(out, "y"), c->expected);
        if (!strstr(err.message, c->expected + 1) || !strstr(err.message, c->type))
            fail_msg("%s opset %d: \"%s\", expected: %s", c->type, c->opset, err.message,
                     c->expected);
        return;
    }
    if (status != TD_OK)
        fail_msg("%s opset %d %s: %s", c->type, c->opset, c->attributes ? c->attributes : "",
                 err.message);
    assert_string_equal(shape_text(out, "y"), c->expected);
    tdi_graph_free(out);
}

static void run_cases(const op_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++)
        run_case(&cases[i]);
}
#define RUN(cases) run_cases(cases, sizeof(cases) / sizeof *(cases))

static void convolution(void **state) {
    (void)state;
    static const op_case cases[] = {
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, NULL, "1x5x6x6"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3", "f:5"}, "pads=[1,1,1,1]", "1x5x8x8"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, "pads=[0,0,1,1] strides=[2,2]", "1x5x4x4"},
        {13, "Conv", "N,4,9,9", {"f:4,1,3,3"}, "group=4 dilations=[2,2]", "1x4x5x5"},
        {13, "Conv", "N,3,9", {"f:5,3,3"}, "strides=[2]", "1x5x4"},
        {7, "Conv", "N,3,7,7", {"f:5,3,3,3"}, "auto_pad=SAME_UPPER strides=[2,2]", "1x5x4x4"},
        {7, "Conv", "N,3,7,7", {"f:5,3,2,2"}, "auto_pad=SAME_LOWER", "1x5x7x7"},
        {7, "Conv", "N,3,7,7", {"f:5,3,3,3"}, "auto_pad=VALID strides=[2,2]", "1x5x3x3"},
        {13, "Conv", "N,3,8,8", {"f:5,2,3,3"}, NULL, "!do not fit"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, "group=0", "!groups"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, "strides=[0,1]", "!strides"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, "strides=[1]", "!strides"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, "pads=[-1,0,0,0]", "!pads"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, "dilations=[99999999999,1]", "!dilations"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, "kernel_shape=[5,5]", "!kernel_shape"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, "auto_pad=MAYBE", "!auto_pad"},
        {13, "Conv", "N,3,2,2", {"f:5,3,3,3"}, NULL, "!does not fit"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3", "f:4"}, NULL, "!bias"},
        {13, "Conv", "N,3,8,8,8", {"f:5,3,3,3,3"}, NULL, "1x5x6x6x6"},
        {13, "Conv", "N,3,8,8,8,8", {"f:5,3,3,3,3,3"}, NULL, "!axes"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, "group=1.5", "!wrong kind"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, "colour=1", "!colour"},
    };
    RUN(cases);
}

static void transposed_convolution(void **state) {
    (void)state;
    static const op_case cases[] = {
        {11, "ConvTranspose", "N,4,5,5", {"f:4,3,3,3"}, NULL, "1x3x7x7"},
        {11, "ConvTranspose", "N,4,5,5", {"f:4,3,2,2", "f:3"}, "strides=[2,2]", "1x3x10x10"},
        {11,
         "ConvTranspose",
         "N,4,5,5",
         {"f:4,3,3,3"},
         "strides=[2,2] pads=[1,1,1,1] output_padding=[1,1]",
         "1x3x10x10"},
        {11,
         "ConvTranspose",
         "N,4,5,5",
         {"f:4,3,3,3"},
         "strides=[2,2] output_shape=[10,12]",
         "1x3x10x12"},
        {11,
         "ConvTranspose",
         "N,4,5,5",
         {"f:4,3,3,3"},
         "strides=[2,2] auto_pad=SAME_UPPER",
         "1x3x10x10"},
        {11, "ConvTranspose", "N,4,5,5", {"f:4,3,3,3"}, "dilations=[2,2]", "1x3x9x9"},
        {11, "ConvTranspose", "N,4,5", {"f:4,2,3", "f:4"}, "group=2", "1x4x7"},
        {11, "ConvTranspose", "N,4,5,5,5", {"f:4,2,2,2,2"}, NULL, "1x2x6x6x6"},
        {11, "ConvTranspose", "N,4,5,5", {"f:3,3,3,3"}, NULL, "!groups"},
        {11, "ConvTranspose", "N,4,5,5", {"f:4,3,3,3"}, "group=3", "!groups"},
        {11, "ConvTranspose", "N,4,5,5", {"f:4,3,3,3", "f:4"}, NULL, "!bias"},
        {11, "ConvTranspose", "N,4,5,5", {"f:4,3,3,3"}, "pads=[4,4,4,4]", "!axis 2"},
        {11, "ConvTranspose", "N,4,5,5", {"f:4,3,3,3"}, "strides=[16777216,16777216]", "!large"},
        {11, "ConvTranspose", "N,4,5,5", {"f:4,3,3,3"}, "kernel_shape=[2,2]", "!kernel_shape"},
    };
    RUN(cases);
}

static void pooling(void **state) {
    (void)state;
    static const op_case cases[] = {
        {13, "MaxPool", "N,3,8,8", {0}, "kernel_shape=[2,2] strides=[2,2]", "1x3x4x4"},
        {13, "MaxPool", "N,3,8,8", {0}, "kernel_shape=[3,3] pads=[1,1,1,1]", "1x3x8x8"},
        {13, "MaxPool", "N,3,7,7", {0}, "kernel_shape=[2,2] strides=[2,2] ceil_mode=1", "1x3x4x4"},
        /* The fourth window would begin in the padding. */
        {13,
         "MaxPool",
         "N,3,6,6",
         {0},
         "kernel_shape=[3,3] strides=[3,3] pads=[0,0,1,1] ceil_mode=1",
         "1x3x2x2"},
        {19, "AveragePool", "N,3,8,8", {0}, "kernel_shape=[3,3] dilations=[2,2]", "1x3x4x4"},
        {13,
         "AveragePool",
         "N,3,8",
         {0},
         "kernel_shape=[2] count_include_pad=1 pads=[1,1]",
         "1x3x9"},
        {13, "AveragePool", "N,3,8,8", {0}, "pads=[0,0,0,0]", "!kernel"},
        {13, "MaxPool", "N,3,8,8", {0}, "kernel_shape=[2,2] pads=[2,0,0,0]", "!pad"},
        {13, "MaxPool", "N,3,8,8,8", {0}, "kernel_shape=[2,2,2]", "1x3x7x7x7"},
        {18, "LpPool", "N,3,8,8", {0}, "kernel_shape=[2,2] p=3", "1x3x7x7"},
        {18, "LpPool", "N,3,8,8", {0}, "kernel_shape=[2,2] p=0", "!p must"},
        {13, "GlobalAveragePool", "N,3,8,8", {0}, NULL, "1x3x1x1"},
        {13, "GlobalMaxPool", "N,3,8", {0}, NULL, "1x3x1"},
        {13, "GlobalAveragePool", "N,3", {0}, NULL, "!axes"},
    };
    RUN(cases);
}

static void elementwise(void **state) {
    (void)state;
    static const op_case cases[] = {
        {13, "Relu", "N,3", {0}, NULL, "1x3"},
        {13, "LeakyRelu", "N,3", {0}, "alpha=0.1", "1x3"},
        {13, "HardSigmoid", "N,3", {0}, "alpha=0.2 beta=0.5", "1x3"},
        {14, "HardSwish", "N,3", {0}, NULL, "1x3"},
        {13, "HardSwish", "N,3", {0}, NULL, "!opset 13"},
        {10, "Round", "N,3", {0}, NULL, "!opset 10"},
        {11, "Round", "N,3", {0}, NULL, "1x3"},
        {7, "Elu", "N,3", {0}, "alpha=1.0", "1x3"},
        {13, "Add", "N,3,4,4", {"f:3,1,1"}, NULL, "1x3x4x4"},
        {13, "Add", "N,3", {"f:2,1,1,3"}, NULL, "2x1x1x3"},
        {13, "Mul", "N,3", {"f:4"}, NULL, "!do not fit"},
        {13, "Sub", "N,3", {"i:1,2,3"}, NULL, "!int64"},
        {13, "Div", "N,3", {"n:2"}, NULL, "1x3"},
        {13, "Pow", "N,3", {"i:2"}, NULL, "1x3"},
        {11, "Pow", "N,3", {"i:2"}, NULL, "!int64"},
        {13, "PRelu", "N,3,4,4", {"f:3,1,1"}, NULL, "1x3x4x4"},
        {13, "PRelu", "N,3", {"f:4,3"}, NULL, "!larger"},
        {13, "Sum", "N,3", {"f:1", "n:1"}, NULL, "1x3"},
        {13, "Mean", "N,3", {"f:2,3"}, NULL, "2x3"},
        {20, "Gelu", "N,3", {0}, "approximate=tanh", "1x3"},
        {18, "Mish", "N,3", {0}, NULL, "1x3"},
        {8, "Erf", "N,3", {0}, NULL, "!opset 8"},
        {13, "Max", "N,3", {"f:1", "f:2,3", "n:1"}, NULL, "2x3"},
        {13, "Min", "N,3", {0}, NULL, "1x3"},
        {13, "Add", "N,3", {0}, NULL, "!inputs"},
        {10, "Clip", "N,3", {0}, "min=0.0 max=6.0", "1x3"},
        {11, "Clip", "N,3", {"n:0", "n:6"}, NULL, "1x3"},
        {11, "Clip", "N,3", {"", "n:6"}, NULL, "1x3"},
        {11, "Clip", "N,3", {"f:2", "n:6"}, NULL, "!one number"},
        {13, "Cast", "N,3", {0}, "to=10", "1x3"},
        {13, "Cast", "N,3", {0}, "to=8", "!element type 8"},
        {13, "Cast", "N,3", {0}, NULL, "!element type"},
        {13, "Identity", "N,3", {0}, NULL, "1x3"},
    };
    RUN(cases);
}

static void matrices(void **state) {
    (void)state;
    static const op_case cases[] = {
        {13, "Gemm", "N,4", {"f:4,5", "f:5"}, NULL, "1x5"},
        {13, "Gemm", "N,4", {"f:5,4", "f:1,5"}, "transB=1 alpha=0.5 beta=2.0", "1x5"},
        {13, "Gemm", "4,3", {"f:4,5"}, "transA=1", "3x5"},
        {13, "Gemm", "N,4", {"f:5,4"}, NULL, "!do not fit"},
        {13, "Gemm", "N,4", {"f:4,5", "f:4"}, NULL, "!broadcast"},
        {13, "Gemm", "N,4,1", {"f:4,5"}, NULL, "!axes"},
        {13, "MatMul", "N,4", {"f:4,5"}, NULL, "1x5"},
        {13, "MatMul", "N,2,4", {"f:4,5"}, NULL, "1x2x5"},
        {13, "MatMul", "N,1,2,4", {"f:3,4,5"}, NULL, "1x3x2x5"},
        {13, "MatMul", "N,4", {"f:4"}, NULL, "1"},
        {13, "MatMul", "4", {"f:4,5"}, NULL, "5"},
        {13, "MatMul", "N,4", {"f:5,4"}, NULL, "!do not fit"},
    };
    RUN(cases);
}

static void normalization(void **state) {
    (void)state;
    static const op_case cases[] = {
        {13,
         "BatchNormalization",
         "N,3,4,4",
         {"f:3", "f:3", "f:3", "f:3"},
         "epsilon=0.001",
         "1x3x4x4"},
        {7, "BatchNormalization", "N,3", {"f:3", "f:3", "f:3", "f:3"}, "spatial=1", "1x3"},
        {7, "BatchNormalization", "N,3", {"f:3", "f:3", "f:3", "f:3"}, "spatial=0", "!spatial"},
        {14,
         "BatchNormalization",
         "N,3",
         {"f:3", "f:3", "f:3", "f:3"},
         "training_mode=1",
         "!training"},
        {13, "BatchNormalization", "N,3", {"f:3", "f:3", "f:3", "f:2"}, NULL, "!elements"},
        {13, "InstanceNormalization", "N,3,4,4", {"f:3", "f:3"}, "epsilon=0.1", "1x3x4x4"},
        {13, "InstanceNormalization", "N,3,4,4", {"f:3", "f:2"}, NULL, "!elements"},
        {17, "LayerNormalization", "N,3,4", {"f:4"}, NULL, "1x3x4"},
        {17, "LayerNormalization", "N,3,4", {"f:3,4", "f:3,4"}, "axis=1", "1x3x4"},
        {17, "LayerNormalization", "N,3,4", {"f:4"}, "axis=1", "!normalized"},
        {17, "LayerNormalization", "N,3,4", {"f:4"}, "axis=3", "!axis 3"},
        {18, "GroupNormalization", "N,4,5", {"f:2", "f:2"}, "num_groups=2", "1x4x5"},
        {21, "GroupNormalization", "N,4,5", {"f:4", "f:4"}, "num_groups=2", "1x4x5"},
        {18, "GroupNormalization", "N,4,5", {"f:3", "f:3"}, "num_groups=3", "!groups"},
        {13, "LRN", "N,3,4,4", {0}, "size=5 alpha=0.1 beta=0.75 bias=1.0", "1x3x4x4"},
        {13, "LRN", "N,3,4,4", {0}, NULL, "!size"},
        {13, "Softmax", "N,3", {0}, NULL, "1x3"},
        {12, "Softmax", "N,3,4", {0}, "axis=-1", "1x3x4"},
        {13, "LogSoftmax", "N,3", {0}, "axis=2", "!axis 2"},
        {13, "ReduceMean", "N,3,4,4", {0}, "axes=[2,3]", "1x3x1x1"},
        {13, "ReduceMean", "N,3,4,4", {0}, "axes=[-1,2] keepdims=0", "1x3"},
        {13, "ReduceMean", "N,3", {0}, "keepdims=0", "scalar"},
        {18, "ReduceMean", "N,3,4,4", {"i:2,3"}, NULL, "1x3x1x1"},
        {18, "ReduceMean", "N,3,4,4", {0}, "noop_with_empty_axes=1", "1x3x4x4"},
        {13, "ReduceMean", "N,3", {0}, "axes=[2]", "!axis 2"},
        {13, "ReduceSum", "N,3,4", {"i:2"}, "keepdims=0", "1x3"},
        {11, "ReduceSum", "N,3,4", {0}, "axes=[2]", "1x3x1"},
        {13, "ReduceMax", "N,3,4", {0}, "axes=[2]", "1x3x1"},
        {18, "ReduceL2", "N,3,4", {"i:-1"}, NULL, "1x3x1"},
    };
    RUN(cases);
}

static void reshaping(void **state) {
    (void)state;
    static const op_case cases[] = {
        {13, "Flatten", "N,3,4,4", {0}, NULL, "1x48"},
        {13, "Flatten", "N,3,4,4", {0}, "axis=-2", "3x16"},
        {13, "Flatten", "N,3", {0}, "axis=3", "!axis 3"},
        {13, "Reshape", "N,3,4,4", {"i:0,-1"}, NULL, "1x48"},
        {13, "Reshape", "N,3,4,4", {"i:-1,48"}, NULL, "1x48"},
        {14, "Reshape", "N,3,4,4", {"i:0,-1"}, "allowzero=1", "!fit"},
        {13, "Reshape", "N,3", {"i:-1,-1"}, NULL, "!-1"},
        {13, "Reshape", "N,3", {"i:-2,3"}, NULL, "!-2"},
        {13, "Reshape", "N,3", {"i:2,-1"}, NULL, "!fit"},
        {13, "Reshape", "N,3", {"i:1,3,0"}, NULL, "!axis 2"},
        {13, "Reshape", "N,3", {"i:4611686018427387904,4611686018427387904"}, NULL, "!fit"},
        {13, "Reshape", "N,3", {"f:2"}, NULL, "!integers"},
        {12, "Squeeze", "N,3,1,1", {0}, "axes=[2,3]", "1x3"},
        {13, "Squeeze", "N,3,1,1", {"i:-1,-2"}, NULL, "1x3"},
        {13, "Squeeze", "N,3,1,1", {0}, NULL, "3"},
        {13, "Squeeze", "N,3,1,1", {"i:1"}, NULL, "!axis 1"},
        {12, "Unsqueeze", "N,3", {0}, "axes=[2,3]", "1x3x1x1"},
        {13, "Unsqueeze", "N,3", {"i:0,-1"}, NULL, "1x1x3x1"},
        {13, "Unsqueeze", "N,3", {"i:0,0"}, NULL, "!twice"},
        {13, "Unsqueeze", "N,3", {0}, NULL, "!axes"},
        {13, "Unsqueeze", "N,3", {"i:0,1,2,3,4,5,6"}, NULL, "!axes"},
        {13, "Transpose", "N,3,4", {0}, NULL, "4x3x1"},
        {13, "Transpose", "N,3,4", {0}, "perm=[0,2,1]", "1x4x3"},
        {13, "Transpose", "N,3,4", {0}, "perm=[0,2,2]", "!twice"},
        {13, "Transpose", "N,3,4", {0}, "perm=[0,2]", "!perm"},
    };
    RUN(cases);
}

static void slicing_and_padding(void **state) {
    (void)state;
    static const op_case cases[] = {
        {9, "Slice", "N,3,8,8", {0}, "starts=[0,1] ends=[99,-1] axes=[2,3]", "1x3x8x6"},
        {10, "Slice", "N,3,8,8", {"i:0,0", "i:8,8", "i:2,3", "i:2,3"}, NULL, "1x3x4x3"},
        {10, "Slice", "N,3,8", {"i:-1", "i:-9", "i:2", "i:-1"}, NULL, "1x3x8"},
        {10,
         "Slice",
         "N,3,8",
         {"i:-1", "i:-9223372036854775808", "i:2", "i:-9223372036854775808"},
         NULL,
         "1x3x1"},
        {10,
         "Slice",
         "N,3,8",
         {"i:9223372036854775807", "i:-9223372036854775808", "i:2", "i:-3"},
         NULL,
         "1x3x3"},
        {10, "Slice", "N,3,8", {"i:4", "i:4", "i:2"}, NULL, "!empty"},
        {10, "Slice", "N,3,8", {"i:0", "i:4", "i:2", "i:0"}, NULL, "!step"},
        {10, "Slice", "N,3,8", {"i:0,0", "i:4,4", "i:2,2"}, NULL, "!twice"},
        {10, "Slice", "N,3,8", {"i:0", "i:4,4"}, NULL, "!length"},
        {10, "Slice", "N,3,8", {"i:0", "i:4", "i:3"}, NULL, "!axis 3"},
        {10, "Slice", "N,3,8", {"i:0,0,0,0", "i:4,4,4,4"}, NULL, "!length"},
        {10, "Pad", "N,3,8", {0}, "pads=[0,1,2,0,1,2] mode=reflect", "1x5x12"},
        {11, "Pad", "N,3,8", {"i:0,1,2,0,1,2", "n:0.5"}, NULL, "1x5x12"},
        {11, "Pad", "N,3,8", {"i:0,1,2,0,1,2"}, "mode=edge", "1x5x12"},
        {18, "Pad", "N,3,8", {"i:1,2", "", "i:-1"}, NULL, "1x3x11"},
        {11, "Pad", "N,3,8", {"i:0,-1,0,0,0,1"}, NULL, "1x2x9"},
        {11, "Pad", "N,3,8", {"i:0,-2,0,0,-1,0"}, NULL, "!nothing is left"},
        {11, "Pad", "N,3,8", {"i:0,-9223372036854775808,0,0,0,0"}, NULL, "!cut"},
        {11, "Pad", "N,3,8", {"i:0,3,0,0,0,0"}, "mode=reflect", "!more than 2"},
        {11, "Pad", "N,3,8", {"i:0,0,0"}, NULL, "!pads"},
        {19, "Pad", "N,3,8", {"i:0,3,0,0,0,0"}, "mode=wrap", "1x6x8"},
        {19, "Pad", "N,3,8", {"i:0,4,0,0,0,0"}, "mode=wrap", "!more than 3"},
        {19, "Pad", "N,3,8", {"i:0,0,0,0,0,0"}, "mode=mirror", "!mirror"},
        {11, "Pad", "N,3,8", {"i:0,0,2147483648,0,0,2147483648"}, NULL, "!large"},
        {13, "Concat", "N,3,8", {"f:1,2,8", "f:1,1,8"}, "axis=1", "1x6x8"},
        {13, "Concat", "N,3,8", {"f:1,3,1"}, "axis=-1", "1x3x9"},
        {13, "Concat", "N,3,8", {"f:1,2,7"}, "axis=1", "!differs"},
        {13, "Concat", "N,3,8", {"f:1,2,8"}, NULL, "!axis"},
        {13, "Concat", "N,3,8", {"f:2,8"}, "axis=1", "!axes"},
    };
    RUN(cases);
}

static void resizing(void **state) {
    (void)state;
    static const op_case cases[] = {
        {11, "Resize", "N,3,4,4", {"", "v:1,1,2,1.5"}, NULL, "1x3x8x6"},
        {13, "Resize", "N,3,4,4", {"", "v:1,1,.3,.6"}, "mode=linear", "1x3x1x2"},
        {13, "Resize", "N,3,4,4", {"", "", "i:1,3,7,5"}, "mode=cubic", "1x3x7x5"},
        {10, "Resize", "N,3,4,4", {"v:1,1,2,2"}, "mode=linear", "1x3x8x8"},
        {18, "Resize", "N,3,4,4", {"", "", "i:7,5"}, "axes=[2,-1]", "1x3x7x5"},
        {18,
         "Resize",
         "N,3,4,8",
         {"", "", "i:6,6"},
         "axes=[2,3] keep_aspect_ratio_policy=not_larger",
         "1x3x3x6"},
        {18,
         "Resize",
         "N,3,4,8",
         {"", "", "i:6,6"},
         "axes=[2,3] keep_aspect_ratio_policy=not_smaller",
         "1x3x6x12"},
        {13,
         "Resize",
         "N,3,4,4",
         {"v:0,0,0,0,1,1,1,1", "", "i:1,3,7,5"},
         "coordinate_transformation_mode=tf_crop_and_resize",
         "1x3x7x5"},
        {13,
         "Resize",
         "N,3,4,4",
         {"v:0,1", "", "i:1,3,7,5"},
         "coordinate_transformation_mode=tf_crop_and_resize",
         "!region"},
        {13, "Resize", "N,3,4,4", {"", "v:1,1,2"}, NULL, "!numbers"},
        {13, "Resize", "N,3,4,4", {0}, NULL, "!numbers"},
        {13, "Resize", "N,3,4,4", {"", "v:1,1,0,2"}, NULL, "!scale of 0"},
        {13, "Resize", "N,3,4,4", {"", "v:1,1,nan,2"}, NULL, "!scale of nan"},
        {13, "Resize", "N,3,4,4", {"", "v:1,1,1e30,2"}, NULL, "!scale"},
        {13, "Resize", "N,3,4,4", {"", "v:1,1,.1,2"}, NULL, "!empty"},
        {13, "Resize", "N,3,4,4", {"", "", "i:1,3,0,5"}, NULL, "!size of 0"},
        {13, "Resize", "N,3,4,4", {"", "", "i:1,3,65536,65536"}, NULL, "!large"},
        {13, "Resize", "N,3,4,4", {"", "v:1,1,2,2"}, "mode=magic", "!magic"},
        {18, "Resize", "N,3,4,4", {"", "v:1,1,.5,.5"}, "mode=linear antialias=1", "!antialias"},
        {18, "Resize", "N,3,4,4", {"", "v:1,1,2,2"}, "mode=linear antialias=1", "1x3x8x8"},
        {7, "Upsample", "N,3,4,4", {0}, "scales=[1.0,1.0,2.0,3.0]", "1x3x8x12"},
        {9, "Upsample", "N,3,4,4", {"v:1,1,2,2"}, "mode=linear", "1x3x8x8"},
        {10, "Upsample", "N,3,4,4", {"v:1,1,2,2"}, NULL, "!opset 10"},
        {13, "DepthToSpace", "N,8,3,3", {0}, "blocksize=2", "1x2x6x6"},
        {13, "DepthToSpace", "N,8,3,3", {0}, "blocksize=2 mode=CRD", "1x2x6x6"},
        {13, "DepthToSpace", "N,8,3,3", {0}, "blocksize=3", "!channels"},
        {13, "DepthToSpace", "N,8,3,3", {0}, "blocksize=9223372036854775807", "!blocksize"},
        {13, "SpaceToDepth", "N,2,6,6", {0}, "blocksize=3", "1x18x2x2"},
        {13, "SpaceToDepth", "N,2,6,6", {0}, "blocksize=4", "!blocks"},
    };
    RUN(cases);
}

/* Reads a one-operator network and binds three pictures. */
static void assert_rebound(const op_case *c) {
    message graph = {0};
    char inputs[64];
    td_error err = {0};
    add_input(&graph, "x", c->shape);
    add_output(&graph, "y");
    add_constants(&graph, c, inputs, sizeof inputs);
    add_node(&graph, c->type, inputs, "y", c->attributes ? c->attributes : "");
    tdi_graph *g = read_graph(&graph, c->opset);
    td_status status = tdi_graph_infer(g, 3, &err);
    if (*c->expected == '!') {
        if (status == TD_OK)
            fail_msg("%s %s: three pictures as %s", c->type, c->attributes, shape_text(g, "y"));
        assert_non_null(strstr(err.message, c->type));
    } else {
        if (status != TD_OK)
            fail_msg("%s: %s", c->type, err.message);
        assert_string_equal(shape_text(g, "y"), c->expected);
    }
    tdi_graph_free(g);
}

static void a_larger_batch_is_followed_or_refused(void **state) {
    (void)state;
    static const op_case cases[] = {
        {13, "Reshape", "N,3,4", {"i:0,-1"}, NULL, "3x12"},
        {13, "Reshape", "N,3,4", {"i:-1,12"}, NULL, "3x12"},
        {13, "Reshape", "N,3,4", {"i:1,12"}, NULL, "!"},
        {13, "Reshape", "N,3,4", {"i:1,-1"}, NULL, "!"},
        {13, "Flatten", "N,3,4", {0}, NULL, "3x12"},
        {13, "Flatten", "N,3,4", {0}, "axis=0", "!"},
        {13, "Softmax", "N,3", {0}, "axis=0", "!"},
        {13, "ReduceMean", "N,3", {0}, "axes=[0]", "!"},
        {13, "Concat", "N,3", {"f:1,3"}, "axis=0", "!"},
        {13, "Slice", "N,3", {"i:0", "i:1", "i:0"}, NULL, "!"},
        {13, "Slice", "N,3", {"i:0", "i:2", "i:1"}, NULL, "3x2"},
        {13, "Resize", "N,3,4", {"", "v:2,1,1"}, NULL, "!"},
        {13, "Resize", "N,3,4", {"", "v:1,1,2"}, NULL, "3x3x8"},
        {17, "LayerNormalization", "N,4", {"f:1,4"}, "axis=0", "!"},
        {13, "Squeeze", "N,3,1", {0}, NULL, "!"},
        {11, "Squeeze", "N,3,1", {0}, "axes=[2]", "3x3"},
        {13, "Conv", "N,3,8,8", {"f:5,3,3,3"}, NULL, "3x5x6x6"},
        {13, "Gemm", "N,4", {"f:4,5"}, NULL, "3x5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_rebound(&cases[i]);
}

static void arguments_computed_from_floats_are_refused_with_a_remedy(void **state) {
    (void)state;
    message graph = {0};
    add_input(&graph, "x", "N,3,4");
    add_output(&graph, "y");
    add_floats(&graph, "kept", "1");
    add_floats(&graph, "rest", "1");
    add_node(&graph, "MatMul", "kept,rest", "size", "");
    add_node(&graph, "Cast", "size", "shape", "to=7");
    add_node(&graph, "Reshape", "x,shape", "y", "");
    assert_refused(&graph, 13, TD_UNSUPPORTED, "Reshape|\"shape\"|constants folded");
}

static void a_fixed_batch_stays_fixed(void **state) {
    (void)state;
    message graph = {0};
    td_error err = {0};
    add_input(&graph, "x", "1,3");
    add_output(&graph, "y");
    add_node(&graph, "Relu", "x", "y", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_int_equal(g->symbolic_batch, 0);
    assert_int_equal(tdi_graph_infer(g, 2, &err), TD_UNSUPPORTED);
    assert_non_null(strstr(err.message, "batch"));
    assert_int_equal(tdi_graph_infer(g, 1, &err), TD_OK);
    tdi_graph_free(g);
}

static void macs_are_per_picture(void **state) {
    (void)state;
    message graph = {0};
    add_input(&graph, "x", "N,4,8,8");
    add_output(&graph, "y");
    add_floats(&graph, "w", "6,2,3,3");
    add_floats(&graph, "m", "6,5");
    add_node(&graph, "Conv", "x,w", "c", "group=2 pads=[1,1,1,1]");
    add_node(&graph, "GlobalAveragePool", "c", "g", "");
    add_node(&graph, "Flatten", "g", "f", "");
    add_node(&graph, "MatMul", "f,m", "y", "");
    tdi_graph *g = read_graph(&graph, 13);
    int64_t expected = 6 * 8 * 8 * 2 * 3 * 3 + 6 * 5;
    assert_int_equal(tdi_graph_macs(g), expected);
    assert_int_equal(tdi_graph_infer(g, 4, NULL), TD_OK);
    assert_int_equal(tdi_graph_macs(g), expected);
    assert_int_equal(tdi_graph_parameters(g), 6 * 2 * 3 * 3 + 6 * 5);
    tdi_graph_free(g);
}

static void huge_tensors_are_refused(void **state) {
    (void)state;
    message graph = {0};
    add_input(&graph, "x", "N,65536,65536");
    add_output(&graph, "y");
    add_node(&graph, "Relu", "x", "y", "");
    assert_refused(&graph, 13, TD_LIMIT, "\"x\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution),
        cmocka_unit_test(transposed_convolution),
        cmocka_unit_test(pooling),
        cmocka_unit_test(elementwise),
        cmocka_unit_test(matrices),
        cmocka_unit_test(normalization),
        cmocka_unit_test(reshaping),
        cmocka_unit_test(slicing_and_padding),
        cmocka_unit_test(resizing),
        cmocka_unit_test(a_larger_batch_is_followed_or_refused),
        cmocka_unit_test(arguments_computed_from_floats_are_refused_with_a_remedy),
        cmocka_unit_test(a_fixed_batch_stays_fixed),
        cmocka_unit_test(macs_are_per_picture),
        cmocka_unit_test(huge_tensors_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
