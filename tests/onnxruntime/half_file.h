/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the file of a half holds, read with the schema alone.
 */
#ifndef TDT_ONNXRUNTIME_HALF_FILE_H
#define TDT_ONNXRUNTIME_HALF_FILE_H

#include "support.h"

#include "base/file.h"
#include "base/memory.h"
#include "onnx.pb-c.h"

static inline Onnx__ModelProto *half_file_read(const char *path) {
    uint8_t *bytes;
    size_t size;
    assert_int_equal(tdi_file_read(path, (size_t)1 << 30, &bytes, &size, NULL), TD_OK);
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, bytes);
    assert_non_null(model);
    tdi_free(bytes);
    return model;
}

static inline int half_file_uses(const Onnx__GraphProto *graph, const char *name) {
    for (size_t n = 0; n < graph->n_node; n++)
        for (size_t i = 0; i < graph->node[n]->n_input; i++)
            if (!strcmp(graph->node[n]->input[i], name))
                return 1;
    return 0;
}

static inline const Onnx__TensorProto *half_file_weight(const Onnx__GraphProto *graph,
                                                        const char *name) {
    for (size_t i = 0; i < graph->n_initializer; i++)
        if (!strcmp(graph->initializer[i]->name, name))
            return graph->initializer[i];
    return NULL;
}

static inline int64_t half_file_elements(const Onnx__TensorProto *weight) {
    int64_t elements = 1;
    for (size_t i = 0; i < weight->n_dims; i++)
        elements *= weight->dims[i];
    return elements;
}

/* Elements of all weights, each of which some operator uses and the file itself holds; those that
 * `other` has, too, are left out (NULL: none are). */
static inline int64_t half_file_parameters(const Onnx__GraphProto *graph,
                                           const Onnx__GraphProto *other) {
    int64_t sum = 0;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Onnx__TensorProto *weight = graph->initializer[i];
        if (!half_file_uses(graph, weight->name))
            fail_msg("nothing uses the weight %s", weight->name);
        assert_int_equal(weight->n_external_data, 0);
        if (!other || !half_file_weight(other, weight->name))
            sum += half_file_elements(weight);
    }
    return sum;
}

/* Fails unless every axis has a number, or a name at the front. */
static inline void half_file_check_shapes(Onnx__ValueInfoProto *const *values, size_t count) {
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        const Onnx__TensorShapeProto *shape = values[i]->type->tensor_type->shape;
        assert_non_null(shape);
        assert_true(shape->n_dim > 0);
        for (size_t d = 0; d < shape->n_dim; d++)
            assert_true(shape->dim[d]->dim_value > 0 ||
                        (d == 0 && shape->dim[d]->dim_param && *shape->dim[d]->dim_param));
    }
}

#endif
