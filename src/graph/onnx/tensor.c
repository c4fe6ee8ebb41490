/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorProto to tensor: from raw bytes, typed fields or external data.
 */
#include <string.h>

#include "graph/onnx/outline.h"
#include "graph/onnx/proto.h"

static td_status read_shape(const Onnx__TensorProto *proto, const char *name, td_shape *out,
                            td_error *err) {
    if (proto->n_dims > TD_RANK_MAX)
        return tdi_fail(err, TD_LIMIT, "constant \"%.100s\" has %zu axes; at most %d are supported",
                        name, proto->n_dims, TD_RANK_MAX);
    *out = tdi_shape_of((int)proto->n_dims, proto->dims);
    int64_t elements = td_shape_elements(out);
    if (elements < 0)
        return tdi_fail(err, TD_FORMAT, "constant \"%.100s\" has an impossible shape", name);
    if (elements > TDI_ELEMENTS_MAX)
        return tdi_fail(err, TD_LIMIT, "constant \"%.100s\" is too large", name);
    return TD_OK;
}

/* Elements in the typed field that belongs to the element type. */
static size_t typed_count(const Onnx__TensorProto *proto, td_dtype dtype) {
    switch (dtype) {
    case TD_DTYPE_F32:
        return proto->n_float_data;
    case TD_DTYPE_F64:
        return proto->n_double_data;
    case TD_DTYPE_I64:
        return proto->n_int64_data;
    case TD_DTYPE_U32:
    case TD_DTYPE_U64:
        return proto->n_uint64_data;
    default:
        return proto->n_int32_data;
    }
}

static void copy_typed(const Onnx__TensorProto *proto, tdi_tensor *to, size_t count) {
    for (size_t i = 0; i < count; i++)
        switch (to->dtype) {
        case TD_DTYPE_F32:
            ((float *)to->data)[i] = proto->float_data[i];
            break;
        case TD_DTYPE_F64:
            ((double *)to->data)[i] = proto->double_data[i];
            break;
        case TD_DTYPE_I64:
            ((int64_t *)to->data)[i] = proto->int64_data[i];
            break;
        case TD_DTYPE_U64:
            ((uint64_t *)to->data)[i] = proto->uint64_data[i];
            break;
        case TD_DTYPE_U32:
            ((uint32_t *)to->data)[i] = (uint32_t)proto->uint64_data[i];
            break;
        case TD_DTYPE_I32:
            ((int32_t *)to->data)[i] = proto->int32_data[i];
            break;
        case TD_DTYPE_BOOL:
            ((uint8_t *)to->data)[i] = proto->int32_data[i] != 0;
            break;
        case TD_DTYPE_U8:
        case TD_DTYPE_I8:
            ((uint8_t *)to->data)[i] = (uint8_t)proto->int32_data[i];
            break;
        default: /* 16 bits: integers, or floats by their bits */
            ((uint16_t *)to->data)[i] = (uint16_t)proto->int32_data[i];
            break;
        }
}

static int is_external(const Onnx__TensorProto *proto) {
    return proto->has_data_location &&
           proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

/* The length that the file claims, before anything is allocated for it. */
static td_status check_length(const Onnx__TensorProto *proto, const char *name, td_dtype dtype,
                              int64_t elements, td_error *err) {
    uint64_t wanted = (uint64_t)elements, got = typed_count(proto, dtype);
    if (proto->has_raw_data) {
        wanted *= td_dtype_bytes(dtype);
        got = proto->raw_data.len;
    }
    if (wanted != got)
        return tdi_fail(err, TD_FORMAT,
                        "constant \"%.100s\" has %llu %s where its shape needs %llu", name,
                        (unsigned long long)got, proto->has_raw_data ? "bytes" : "elements",
                        (unsigned long long)wanted);
    return TD_OK;
}

/* The memory that holds the raw data becomes the tensor's: two copies of all weights at once would
 * be a large part of a process's memory, and of the time to load it. */
static tdi_tensor *take_raw(Onnx__TensorProto *proto, td_dtype dtype, const td_shape *shape) {
    tdi_tensor *tensor = tdi_tensor_around(dtype, shape, proto->raw_data.data);
    if (tensor) {
        proto->raw_data.data = NULL;
        proto->raw_data.len = 0;
    }
    return tensor;
}

/*
 * Whether a constant can stay in its file until a kernel wants it. Vectors and whole numbers are
 * looked at in many places, and are small.
 */
static int may_stay(td_dtype dtype, const td_shape *shape, size_t bytes) {
    int wide = 0;
    for (int i = 0; i < shape->rank; i++)
        wide += shape->dim[i] > 1;
    int is_float = dtype == TD_DTYPE_F32 || dtype == TD_DTYPE_F64 || dtype == TD_DTYPE_F16 ||
                   dtype == TD_DTYPE_BF16;
    return is_float && wide > 1 && bytes >= TDI_OUTLINE_BYTES_MIN;
}

static td_status make_external(const Onnx__TensorProto *proto, const char *name,
                               tdi_external *external, td_dtype dtype, const td_shape *shape,
                               tdi_tensor **out, td_error *err) {
    size_t bytes = (size_t)td_shape_elements(shape) * td_dtype_bytes(dtype), offset = 0;
    tdi_backing *file = NULL;
    if (bytes > external->budget)
        return tdi_fail(err, TD_LIMIT, "constant \"%.100s\": the external data is too large", name);
    TD_TRY(tdi_onnx_external(proto, name, external, bytes, &file, &offset, err));
    int stays = may_stay(dtype, shape, bytes);
    tdi_tensor *tensor = stays ? tdi_tensor_backed(dtype, shape, file, offset)
                               : tdi_tensor_new(dtype, shape);
    if (!tensor)
        return tdi_fail_memory(err);
    td_status status = stays ? TD_OK : tdi_backing_read(file, offset, tensor->data, bytes, err);
    if (status == TD_OK)
        *out = tensor;
    else
        tdi_tensor_unref(tensor);
    return status;
}

td_status tdi_onnx_tensor(Onnx__TensorProto *proto, const char *name, tdi_external *external,
                          tdi_tensor **out, td_error *err) {
    td_shape shape;
    td_dtype dtype = (td_dtype)proto->data_type;
    if (proto->data_type < 1 || proto->data_type > TD_DTYPE_BF16 || !td_dtype_bytes(dtype))
        return tdi_fail(err, TD_UNSUPPORTED,
                        "constant \"%.100s\" has element type %d, which is not supported", name,
                        proto->data_type);
    if (proto->segment)
        return tdi_fail(err, TD_UNSUPPORTED, "constant \"%.100s\" is stored in segments", name);
    TD_TRY(read_shape(proto, name, &shape, err));
    if (is_external(proto))
        return make_external(proto, name, external, dtype, &shape, out, err);
    int64_t elements = td_shape_elements(&shape);
    TD_TRY(check_length(proto, name, dtype, elements, err));
    int is_raw = proto->has_raw_data && elements > 0;
    tdi_tensor *tensor = is_raw ? take_raw(proto, dtype, &shape) : tdi_tensor_new(dtype, &shape);
    if (!tensor)
        return tdi_fail_memory(err);
    if (!is_raw)
        copy_typed(proto, tensor, (size_t)elements);
    *out = tensor;
    return TD_OK;
}
