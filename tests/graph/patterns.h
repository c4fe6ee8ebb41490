/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What exporters write where a network asks for the size of its own tensors: small networks of one
 * float32 input "x" and one output "y", each around one such pattern.
 */
#ifndef TDT_GRAPH_PATTERNS_H
#define TDT_GRAPH_PATTERNS_H

#include "graph/model.h"

/* A float initializer of noise in -0.5 .. 0.5. */
static inline void add_noise(message *graph, const char *name, const char *shape) {
    message tensor = tensor_of(name, TD_DTYPE_F32, shape), data = {0};
    int64_t count = elements_of(shape);
    uint32_t state = 12345;
    for (const char *c = name; *c; c++)
        state = state * 31 + (uint32_t)(unsigned char)*c;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        float v = (float)(state >> 8) / (float)(1 << 24) - 0.5f;
        put(&data, &v, sizeof v);
    }
    put_message(&tensor, 9, &data);
    put_message(graph, 5, &tensor);
}

/* A scalar of int64. */
static inline void add_int(message *graph, const char *name, int64_t value) {
    message tensor = tensor_of(name, TD_DTYPE_I64, "");
    put_bytes(&tensor, 9, &value, sizeof value);
    put_message(graph, 5, &tensor);
}

/* `name`: element `index` of the shape of `x`, as a vector of one. */
static inline void add_size_of(message *graph, const char *x, int64_t index, const char *name) {
    char shape[64], at[64], size[64], axes[64];
    snprintf(shape, sizeof shape, "%s.shape", name);
    snprintf(at, sizeof at, "%s.at", name);
    snprintf(size, sizeof size, "%s.size", name);
    snprintf(axes, sizeof axes, "%s.axes", name);
    char inputs[160];
    add_int(graph, at, index);
    add_ints(graph, axes, "0");
    add_node(graph, "Shape", x, shape, "");
    snprintf(inputs, sizeof inputs, "%s,%s", shape, at);
    add_node(graph, "Gather", inputs, size, "axis=0");
    snprintf(inputs, sizeof inputs, "%s,%s", size, axes);
    add_node(graph, "Unsqueeze", inputs, name, "");
}

static inline void add_conv(message *graph, const char *x, const char *y, const char *weights,
                            const char *attributes) {
    char w[64], inputs[160];
    snprintf(w, sizeof w, "%s.weight", y);
    add_noise(graph, w, weights);
    snprintf(inputs, sizeof inputs, "%s,%s", x, w);
    add_node(graph, "Conv", inputs, y, attributes);
}

/* x.view(x.size(0), -1) before the last layer. */
static inline message flatten_pattern(void) {
    message g = {0};
    add_input(&g, "x", "N,3,8,8");
    add_output(&g, "y");
    add_conv(&g, "x", "c", "6,3,3,3", "strides=[2,2] pads=[1,1,1,1]");
    add_node(&g, "Relu", "c", "r", "");
    add_size_of(&g, "x", 0, "batch");
    add_ints(&g, "rest", "-1");
    add_node(&g, "Concat", "batch,rest", "target", "axis=0");
    add_node(&g, "Reshape", "r,target", "f", "");
    add_noise(&g, "w", "96,5");
    add_node(&g, "MatMul", "f,w", "y", "");
    return g;
}

/* ShuffleNet: channels in groups, exchanged. */
static inline message shuffle_pattern(void) {
    message g = {0};
    add_input(&g, "x", "N,4,6,6");
    add_output(&g, "y");
    add_conv(&g, "x", "c", "8,4,1,1", "");
    add_node(&g, "Split", "c", "left,right", "axis=1");
    add_conv(&g, "right", "branch", "4,4,3,3", "pads=[1,1,1,1]");
    add_node(&g, "Concat", "left,branch", "both", "axis=1");
    add_size_of(&g, "both", 0, "n");
    add_size_of(&g, "both", 1, "channels");
    add_size_of(&g, "both", 2, "h");
    add_size_of(&g, "both", 3, "w");
    add_ints(&g, "two", "2");
    add_node(&g, "Div", "channels,two", "half", "");
    add_node(&g, "Concat", "n,two,half,h,w", "apart", "axis=0");
    add_node(&g, "Reshape", "both,apart", "groups", "");
    add_node(&g, "Transpose", "groups", "exchanged", "perm=[0,2,1,3,4]");
    add_node(&g, "Concat", "n,channels,h,w", "together", "axis=0");
    add_node(&g, "Reshape", "exchanged,together", "shuffled", "");
    add_conv(&g, "shuffled", "y", "3,8,1,1", "");
    return g;
}

/* One head of YOLO: boxes from a grid that is as large as the feature map. */
static inline message yolo_pattern(void) {
    message g = {0};
    add_input(&g, "x", "N,3,8,12");
    add_output(&g, "y");
    add_conv(&g, "x", "c", "6,3,3,3", "strides=[2,2] pads=[1,1,1,1]");
    add_node(&g, "Sigmoid", "c", "s", "");
    add_ints(&g, "parts", "2,2,2");
    add_node(&g, "Split", "s,parts", "xy,wh,score", "axis=1");
    add_node(&g, "Shape", "s", "shape", "");
    add_int(&g, "two", 2);
    add_int(&g, "three", 3);
    add_node(&g, "Gather", "shape,two", "rows", "axis=0");
    add_node(&g, "Gather", "shape,three", "columns", "axis=0");
    add_int(&g, "zero", 0);
    add_int(&g, "one", 1);
    add_node(&g, "Range", "zero,rows,one", "i", "");
    add_node(&g, "Range", "zero,columns,one", "j", "");
    add_ints(&g, "last", "1");
    add_ints(&g, "first", "0");
    add_node(&g, "Unsqueeze", "i,last", "i2", "");
    add_node(&g, "Unsqueeze", "rows,first", "rows1", "");
    add_node(&g, "Unsqueeze", "columns,first", "columns1", "");
    add_node(&g, "Concat", "rows1,columns1", "area", "axis=0");
    add_node(&g, "Expand", "i2,area", "grid_i", "");
    add_node(&g, "Expand", "j,area", "grid_j", "");
    add_node(&g, "Unsqueeze", "grid_i,first", "grid_i1", "");
    add_node(&g, "Unsqueeze", "grid_j,first", "grid_j1", "");
    add_node(&g, "Concat", "grid_j1,grid_i1", "grid", "axis=0");
    add_node(&g, "Cast", "grid", "grid_f", "to=1");
    add_number(&g, "stride", 8);
    add_node(&g, "Add", "xy,grid_f", "placed", "");
    add_node(&g, "Mul", "placed,stride", "centre", "");
    add_node(&g, "Mul", "wh,wh", "size", "");
    add_node(&g, "Concat", "centre,size,score", "all", "axis=1");
    add_size_of(&g, "all", 0, "n");
    add_size_of(&g, "all", 1, "values");
    add_ints(&g, "rest", "-1");
    add_node(&g, "Concat", "n,values,rest", "flat", "axis=0");
    add_node(&g, "Reshape", "all,flat", "lines", "");
    add_node(&g, "Transpose", "lines", "y", "perm=[0,2,1]");
    return g;
}

/* Attention with all heads in the batch axis, and a causal mask as large as the sequence. */
static inline message attention_pattern(void) {
    message g = {0};
    add_input(&g, "x", "N,5,8");
    add_output(&g, "y");
    add_noise(&g, "w", "8,24");
    add_node(&g, "MatMul", "x,w", "qkv", "");
    add_node(&g, "Split", "qkv", "q,k,v", "axis=2");
    add_size_of(&g, "x", 0, "n");
    add_size_of(&g, "x", 1, "t");
    add_ints(&g, "heads", "2");
    add_ints(&g, "width", "4");
    add_ints(&g, "whole", "8");
    add_node(&g, "Mul", "n,heads", "all", "");
    add_node(&g, "Concat", "n,t,heads,width", "apart", "axis=0");
    add_node(&g, "Concat", "all,t,width", "flat", "axis=0");
    add_node(&g, "Concat", "n,heads,t,width", "heads_shape", "axis=0");
    add_node(&g, "Concat", "n,t,whole", "back", "axis=0");
    const char *const names[] = {"q", "k", "v"};
    for (int i = 0; i < 3; i++) {
        char in[32], out[32];
        snprintf(in, sizeof in, "%s,apart", names[i]);
        snprintf(out, sizeof out, "%s4", names[i]);
        add_node(&g, "Reshape", in, out, "");
        snprintf(in, sizeof in, "%s4", names[i]);
        snprintf(out, sizeof out, "%sh", names[i]);
        add_node(&g, "Transpose", in, out, i == 1 ? "perm=[0,2,3,1]" : "perm=[0,2,1,3]");
    }
    add_node(&g, "MatMul", "qh,kh", "scores", "");
    add_node(&g, "Concat", "t,t", "square", "axis=0");
    add_node(&g, "ConstantOfShape", "square", "zeros", "");
    add_number(&g, "one_f", 1);
    add_node(&g, "Add", "zeros,one_f", "ones", "");
    add_node(&g, "Trilu", "ones", "lower", "upper=0");
    add_node(&g, "Cast", "lower", "mask", "to=9");
    add_number(&g, "never", -1e9f);
    add_node(&g, "Where", "mask,scores,never", "masked", "");
    add_node(&g, "Softmax", "masked", "p", "axis=-1");
    add_node(&g, "MatMul", "p,vh", "context", "");
    add_node(&g, "Transpose", "context", "context4", "perm=[0,2,1,3]");
    add_node(&g, "Reshape", "context4,back", "joined", "");
    add_node(&g, "Reshape", "joined,flat", "in_heads", "");
    add_node(&g, "Tanh", "in_heads", "tanh", "");
    add_node(&g, "Reshape", "tanh,back", "again", "");
    add_node(&g, "Add", "again,x", "y", "");
    return g;
}

/* The crop of a feature map to the size of another, and all but the last column. */
static inline message crop_pattern(void) {
    message g = {0};
    add_input(&g, "x", "N,2,7,7");
    add_output(&g, "y");
    add_conv(&g, "x", "small", "3,2,3,3", "");
    add_conv(&g, "x", "large", "3,2,1,1", "");
    add_node(&g, "Shape", "small", "shape", "");
    add_ints(&g, "starts", "0,0,0,0");
    add_ints(&g, "axes", "0,1,2,3");
    add_node(&g, "Slice", "large,starts,shape,axes", "crop", "");
    add_node(&g, "Add", "crop,small", "sum", "");
    add_node(&g, "ReduceMean", "sum", "y", "axes=[2,3] keepdims=0");
    return g;
}

/* A feature map enlarged to the size of another, whose batch and channels are put before it. */
static inline message upsample_pattern(void) {
    message g = {0};
    add_input(&g, "x", "N,2,8,6");
    add_output(&g, "y");
    add_conv(&g, "x", "fine", "4,2,3,3", "pads=[1,1,1,1]");
    add_conv(&g, "fine", "coarse", "4,4,3,3", "strides=[2,2] pads=[1,1,1,1]");
    add_size_of(&g, "coarse", 0, "n");
    add_size_of(&g, "coarse", 1, "channels");
    add_size_of(&g, "fine", 2, "h");
    add_size_of(&g, "fine", 3, "w");
    add_node(&g, "Concat", "n,channels,h,w", "sizes", "axis=0");
    add_node(&g, "Resize", "coarse,,,sizes", "up",
             "mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor");
    add_node(&g, "Add", "up,fine", "sum", "");
    add_conv(&g, "sum", "y", "2,4,1,1", "");
    return g;
}

typedef struct pattern {
    const char *name;
    message (*build)(void);
    const char *cuts[4]; /* of several tensors */
} pattern;

static const pattern patterns[] = {
    {"flatten", flatten_pattern, {NULL}},
    {"shuffle", shuffle_pattern, {"left,right", "c,branch", "left,branch", "c,left"}},
    {"yolo", yolo_pattern, {"xy,wh,score", "s,wh", "centre,size,score", "placed,wh,score"}},
    {"attention", attention_pattern, {"q,k,v,x", "scores,v,x", "qkv,x", "p,vh,x"}},
    {"upsample", upsample_pattern, {"coarse,fine", "up,fine"}},
    {"crop", crop_pattern, {"small,large", "small,crop", "x,small"}},
};
#define PATTERN_COUNT (sizeof patterns / sizeof patterns[0])
#define PATTERN_OPSET 14

#endif
