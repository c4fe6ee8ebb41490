/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of nodes, Constant nodes' content, and names.
 */
#include <string.h>

#include "graph/onnx/proto.h"

#define ATTRIBUTES_MAX 64

/* Length of a well-formed UTF-8 sequence (RFC 3629), 0 where there is none. */
static int utf8_length(const unsigned char *s) {
    int length = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (length == 1)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (int i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    int overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    int surrogate = s[0] == 0xed && s[1] >= 0xa0;
    int beyond = s[0] == 0xf4 && s[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

td_status tdi_onnx_check_name(const char *name, const char *what, int required, td_error *err) {
    if (!name || !*name)
        return required ? tdi_fail(err, TD_FORMAT, "the model has %s without a name", what) : TD_OK;
    const unsigned char *at = (const unsigned char *)name;
    while (*at) {
        int length = utf8_length(at);
        if (!length || *at < 0x20 || *at == 0x7f)
            return tdi_fail(err, TD_FORMAT, "the model has %s whose name is not printable text",
                            what);
        at += length;
        if (at - (const unsigned char *)name > TDI_ONNX_NAME_MAX)
            return tdi_fail(err, TD_LIMIT, "the model has %s whose name is longer than %d bytes",
                            what, TDI_ONNX_NAME_MAX);
    }
    return TD_OK;
}

static const Onnx__AttributeProto *only_attribute(const Onnx__NodeProto *node) {
    return node->n_attribute == 1 && node->attribute[0]->name ? node->attribute[0] : NULL;
}

static td_status make_vector(td_dtype dtype, int rank, const void *data, size_t count,
                             tdi_tensor **out, td_error *err) {
    td_shape shape = tdi_shape_of(rank, (int64_t[]){(int64_t)count});
    tdi_tensor *tensor = tdi_tensor_new(dtype, &shape);
    if (!tensor)
        return tdi_fail_memory(err);
    if (count)
        memcpy(tensor->data, data, count * td_dtype_bytes(dtype));
    *out = tensor;
    return TD_OK;
}

td_status tdi_onnx_constant(const Onnx__NodeProto *node, const char *name, tdi_external *external,
                            tdi_tensor **out, td_error *err) {
    const Onnx__AttributeProto *attr = only_attribute(node);
    if (attr && !strcmp(attr->name, "value") && attr->t)
        return tdi_onnx_tensor(attr->t, name, external, out, err);
    if (attr && !strcmp(attr->name, "value_float"))
        return make_vector(TD_DTYPE_F32, 0, &attr->f, 1, out, err);
    if (attr && !strcmp(attr->name, "value_floats"))
        return make_vector(TD_DTYPE_F32, 1, attr->floats, attr->n_floats, out, err);
    if (attr && !strcmp(attr->name, "value_int"))
        return make_vector(TD_DTYPE_I64, 0, &attr->i, 1, out, err);
    if (attr && !strcmp(attr->name, "value_ints"))
        return make_vector(TD_DTYPE_I64, 1, attr->ints, attr->n_ints, out, err);
    return tdi_fail(err, TD_UNSUPPORTED,
                    "Constant node \"%.100s\" has no value that is a tensor or numbers", name);
}

/* The bytes as a string without control characters, in the arena. */
static td_status copy_string(tdi_graph *graph, const tdi_node *node, const ProtobufCBinaryData *s,
                             const char **out, td_error *err) {
    if (s->len && memchr(s->data, 0, s->len))
        return tdi_fail(err, TD_FORMAT, "%s node \"%.100s\" has a text with a NUL", node->op->type,
                        node->name);
    char *copy = tdi_arena_strndup(&graph->arena, s->len ? (const char *)s->data : "", s->len);
    if (!copy)
        return tdi_fail_memory(err);
    TD_TRY(tdi_onnx_check_name(copy, "an attribute", 0, err));
    *out = copy;
    return TD_OK;
}

/* Files of IR 1 and some writers leave the type out: it follows from what is there. */
static Onnx__AttributeProto__AttributeType type_of(const Onnx__AttributeProto *proto) {
    if (proto->has_type && proto->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED)
        return proto->type;
    return proto->has_f      ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT
           : proto->has_i    ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT
           : proto->has_s    ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING
           : proto->n_floats ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS
           : proto->n_ints   ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS
           : proto->t        ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR
                             : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED;
}

static td_status copy_attribute(const Onnx__AttributeProto *proto, tdi_graph *graph, tdi_node *node,
                                td_error *err) {
    int failed;
    tdi_tensor *tensor = NULL;
    tdi_external nowhere = {0};
    switch (type_of(proto)) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        failed = tdi_graph_add_int(graph, node, proto->name, proto->i);
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        failed = tdi_graph_add_float(graph, node, proto->name, proto->f);
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        failed = tdi_graph_add_ints(graph, node, proto->name, proto->ints, proto->n_ints);
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
        failed = tdi_graph_add_floats(graph, node, proto->name, proto->floats, proto->n_floats);
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING: {
        const char *text = NULL;
        TD_TRY(copy_string(graph, node, &proto->s, &text, err));
        failed = tdi_graph_add_string(graph, node, proto->name, text);
        break;
    }
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        if (!proto->t)
            return tdi_fail(err, TD_FORMAT, "%s node \"%.100s\": attribute \"%.100s\" is empty",
                            node->op->type, node->name, proto->name);
        TD_TRY(tdi_onnx_tensor(proto->t, node->name, &nowhere, &tensor, err));
        failed = tdi_graph_add_tensor(graph, node, proto->name, tensor);
        break;
    default:
        return tdi_fail(err, TD_UNSUPPORTED,
                        "%s node \"%.100s\": attribute \"%.100s\" is of a kind that no supported "
                        "operator has",
                        node->op->type, node->name, proto->name);
    }
    return failed ? tdi_fail_memory(err) : TD_OK;
}

td_status tdi_onnx_attributes(const Onnx__NodeProto *proto, tdi_graph *graph, tdi_node *node,
                              td_error *err) {
    if (proto->n_attribute > ATTRIBUTES_MAX)
        return tdi_fail(err, TD_LIMIT, "%s node \"%.100s\" has more than %d attributes",
                        node->op->type, node->name, ATTRIBUTES_MAX);
    for (size_t i = 0; i < proto->n_attribute; i++) {
        const Onnx__AttributeProto *attr = proto->attribute[i];
        TD_TRY(tdi_onnx_check_name(attr->name, "an attribute", 1, err));
        if (attr->ref_attr_name || tdi_node_attr(node, attr->name))
            return tdi_fail(err, TD_FORMAT,
                            "%s node \"%.100s\": attribute \"%.100s\" is given twice or by "
                            "reference",
                            node->op->type, node->name, attr->name);
        TD_TRY(copy_attribute(attr, graph, node, err));
    }
    return TD_OK;
}
