/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a graph to the bytes of a file. Messages live in an arena; tensors' bytes are referred to
 * where they are.
 */
#include <string.h>

#include "graph/onnx/onnx.h"
#include "graph/onnx/proto.h"

/* From here on initializers need not be listed as inputs. */
#define IR_WRITTEN_MIN 4

/* protobuf-c reads what it packs, though its pointers are not const. */
typedef struct writer {
    const tdi_graph *graph;
    tdi_arena arena;
    int failed; /* memory ran out */
} writer;

static void *allocate(writer *w, size_t bytes) {
    void *p = w->failed ? NULL : tdi_arena_alloc(&w->arena, bytes ? bytes : 1);
    if (!p)
        w->failed = 1;
    return p;
}

static char *text(writer *w, const char *s) {
    char *copy = w->failed ? NULL : tdi_arena_strdup(&w->arena, s);
    if (!copy)
        w->failed = 1;
    return copy;
}

static Onnx__TensorShapeProto *write_shape(writer *w, const tdi_value *value) {
    Onnx__TensorShapeProto *shape = allocate(w, sizeof *shape);
    Onnx__TensorShapeProto__Dimension **list = allocate(w,
                                                        (size_t)value->shape.rank * sizeof *list);
    Onnx__TensorShapeProto__Dimension *dims = allocate(w, (size_t)value->shape.rank * sizeof *dims);
    char *symbol = text(w, "N");
    if (w->failed)
        return NULL;
    onnx__tensor_shape_proto__init(shape);
    shape->n_dim = (size_t)value->shape.rank;
    shape->dim = list;
    for (int i = 0; i < value->shape.rank; i++) {
        onnx__tensor_shape_proto__dimension__init(&dims[i]);
        list[i] = &dims[i];
        const char *name = value->axes ? value->axes[i] : NULL;
        if (i == 0 && value->batched) {
            dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dims[i].dim_param = symbol;
        } else if (value->shape.dim[i] < 0 && name) {
            dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dims[i].dim_param = text(w, name);
        } else if (value->shape.dim[i] > 0) {
            dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dims[i].dim_value = value->shape.dim[i];
        }
    }
    return shape;
}

static Onnx__ValueInfoProto *write_value(writer *w, const tdi_value *value) {
    Onnx__ValueInfoProto *info = allocate(w, sizeof *info);
    Onnx__TypeProto *type = allocate(w, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = allocate(w, sizeof *tensor);
    Onnx__TensorShapeProto *shape = write_shape(w, value);
    char *name = text(w, value->name);
    if (w->failed)
        return NULL;
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    info->name = name;
    info->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = (int32_t)value->dtype;
    tensor->shape = shape;
    return info;
}

static Onnx__ValueInfoProto **write_values(writer *w, const int *values, int count) {
    Onnx__ValueInfoProto **list = allocate(w, (size_t)count * sizeof *list);
    for (int i = 0; !w->failed && i < count; i++)
        list[i] = write_value(w, &w->graph->values[values[i]]);
    return list;
}

static Onnx__TensorProto *write_tensor(writer *w, const char *name, const tdi_tensor *tensor) {
    Onnx__TensorProto *proto = allocate(w, sizeof *proto);
    int64_t *dims = allocate(w, (size_t)tensor->shape.rank * sizeof *dims);
    char *copy = text(w, name);
    if (w->failed)
        return NULL;
    onnx__tensor_proto__init(proto);
    memcpy(dims, tensor->shape.dim, (size_t)tensor->shape.rank * sizeof *dims);
    proto->n_dims = (size_t)tensor->shape.rank;
    proto->dims = dims;
    proto->has_data_type = 1;
    proto->data_type = (int32_t)tensor->dtype;
    proto->name = copy;
    proto->has_raw_data = 1;
    proto->raw_data.len = tensor->bytes;
    proto->raw_data.data = tensor->data;
    return proto;
}

static Onnx__AttributeProto *write_attribute(writer *w, const tdi_attr *attr) {
    Onnx__AttributeProto *proto = allocate(w, sizeof *proto);
    char *name = text(w, attr->name);
    if (w->failed)
        return NULL;
    onnx__attribute_proto__init(proto);
    proto->name = name;
    proto->has_type = 1;
    switch (attr->kind) {
    case TDI_ATTR_INT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        proto->has_i = 1;
        proto->i = attr->i;
        break;
    case TDI_ATTR_FLOAT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        proto->has_f = 1;
        proto->f = attr->f;
        break;
    case TDI_ATTR_STRING:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        proto->has_s = 1;
        proto->s.len = strlen(attr->s);
        proto->s.data = (uint8_t *)text(w, attr->s);
        break;
    case TDI_ATTR_INTS:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        proto->n_ints = attr->count;
        proto->ints = allocate(w, attr->count * sizeof *proto->ints);
        if (proto->ints && attr->count)
            memcpy(proto->ints, attr->ints, attr->count * sizeof *proto->ints);
        break;
    case TDI_ATTR_TENSOR:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
        proto->t = write_tensor(w, "", attr->tensor);
        break;
    case TDI_ATTR_FLOATS:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        proto->n_floats = attr->count;
        proto->floats = allocate(w, attr->count * sizeof *proto->floats);
        if (proto->floats && attr->count)
            memcpy(proto->floats, attr->floats, attr->count * sizeof *proto->floats);
        break;
    }
    return proto;
}

static char **write_names(writer *w, const int *values, int count) {
    char **names = allocate(w, (size_t)count * sizeof *names);
    for (int i = 0; !w->failed && i < count; i++)
        names[i] = text(w, values[i] >= 0 ? w->graph->values[values[i]].name : "");
    return names;
}

static Onnx__NodeProto *write_node(writer *w, const tdi_node *node) {
    Onnx__NodeProto *proto = allocate(w, sizeof *proto);
    char *name = text(w, node->name), *type = text(w, node->op->type);
    char **inputs = write_names(w, node->inputs, node->input_count);
    char **outputs = write_names(w, node->outputs, node->output_count);
    Onnx__AttributeProto **attrs = allocate(w, node->attr_count * sizeof *attrs);
    for (size_t i = 0; !w->failed && i < node->attr_count; i++)
        attrs[i] = write_attribute(w, &node->attrs[i]);
    if (w->failed)
        return NULL;
    onnx__node_proto__init(proto);
    proto->name = name;
    proto->op_type = type;
    proto->n_input = (size_t)node->input_count;
    proto->input = inputs;
    proto->n_output = (size_t)node->output_count;
    proto->output = outputs;
    proto->n_attribute = node->attr_count;
    proto->attribute = attrs;
    return proto;
}

static Onnx__GraphProto *write_graph(writer *w) {
    const tdi_graph *graph = w->graph;
    Onnx__GraphProto *proto = allocate(w, sizeof *proto);
    char *name = text(w, *graph->name ? graph->name : "graph");
    Onnx__NodeProto **nodes = allocate(w, (size_t)graph->node_count * sizeof *nodes);
    Onnx__TensorProto **tensors = allocate(w, (size_t)graph->value_count * sizeof *tensors);
    Onnx__ValueInfoProto **inputs = write_values(w, graph->inputs, graph->input_count);
    Onnx__ValueInfoProto **outputs = write_values(w, graph->outputs, graph->output_count);
    size_t tensor_count = 0;
    for (int i = 0; !w->failed && i < graph->node_count; i++)
        nodes[i] = write_node(w, &graph->nodes[i]);
    for (int i = 0; !w->failed && i < graph->value_count; i++)
        if (graph->values[i].data)
            tensors[tensor_count++] = write_tensor(w, graph->values[i].name, graph->values[i].data);
    if (w->failed)
        return NULL;
    onnx__graph_proto__init(proto);
    proto->name = name;
    proto->n_node = (size_t)graph->node_count;
    proto->node = nodes;
    proto->n_initializer = tensor_count;
    proto->initializer = tensors;
    proto->n_input = (size_t)graph->input_count;
    proto->input = inputs;
    proto->n_output = (size_t)graph->output_count;
    proto->output = outputs;
    return proto;
}

static Onnx__ModelProto *write_model(writer *w) {
    Onnx__ModelProto *model = allocate(w, sizeof *model);
    Onnx__OperatorSetIdProto *opset = allocate(w, sizeof *opset), **opsets;
    opsets = allocate(w, sizeof *opsets);
    char *producer = text(w, "tandem"), *version = text(w, td_version());
    char *domain = text(w, "");
    Onnx__GraphProto *graph = write_graph(w);
    if (w->failed)
        return NULL;
    onnx__model_proto__init(model);
    onnx__operator_set_id_proto__init(opset);
    opset->domain = domain;
    opset->has_version = 1;
    opset->version = w->graph->opset;
    opsets[0] = opset;
    model->has_ir_version = 1;
    model->ir_version = w->graph->ir_version > IR_WRITTEN_MIN ? w->graph->ir_version
                                                              : IR_WRITTEN_MIN;
    model->producer_name = producer;
    model->producer_version = version;
    model->n_opset_import = 1;
    model->opset_import = opsets;
    model->graph = graph;
    return model;
}

/* Protocol buffers end at 2 GB, and so do we. */
static td_status check_size(const tdi_graph *graph, td_error *err) {
    size_t left = TDI_ONNX_BYTES_MAX - ((size_t)64 << 20);
    for (int i = 0; i < graph->value_count; i++) {
        size_t bytes = graph->values[i].data ? graph->values[i].data->bytes : 0;
        if (bytes > left)
            return tdi_fail(err, TD_LIMIT, "the weights are too large for one ONNX file");
        left -= bytes;
    }
    return TD_OK;
}

static td_status pin_constants(const tdi_graph *graph, int *pinned, td_error *err) {
    for (; *pinned < graph->value_count; ++*pinned)
        if (graph->values[*pinned].data)
            TD_TRY(tdi_tensor_pin(graph->values[*pinned].data, err));
    return TD_OK;
}

static void unpin_constants(const tdi_graph *graph, int pinned) {
    for (int i = 0; i < pinned; i++)
        if (graph->values[i].data)
            tdi_tensor_unpin(graph->values[i].data);
}

static td_status pack_model(const tdi_graph *graph, uint8_t **bytes, size_t *size, td_error *err) {
    writer w = {.graph = graph};
    td_status status = TD_OK;
    Onnx__ModelProto *model = write_model(&w);
    size_t packed = model ? onnx__model_proto__get_packed_size(model) : 0;
    uint8_t *out = model ? tdi_malloc(packed ? packed : 1) : NULL;
    if (out) {
        *size = onnx__model_proto__pack(model, out);
        *bytes = out;
    } else {
        status = tdi_fail_memory(err);
    }
    tdi_arena_free(&w.arena);
    return status;
}

td_status tdi_onnx_write(const tdi_graph *graph, uint8_t **bytes, size_t *size, td_error *err) {
    int pinned = 0;
    TD_TRY(check_size(graph, err));
    td_status status = pin_constants(graph, &pinned, err);
    if (status == TD_OK)
        status = pack_model(graph, bytes, size, err);
    unpin_constants(graph, pinned);
    return status;
}
