/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NumPy's .npy format (numpy.lib.format): a magic number, a version, and a header that is a literal
 * of Python, then the elements.
 *
 *     \x93NUMPY  major  minor  header length   {'descr': '<f4', 'fortran_order': False,
 *     6 bytes    1      1      2; from 2.0: 4   'shape': (2, 3), }   \n   elements
 */
#include "tensor/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"

static const char magic[6] = "\x93NUMPY";

/* NumPy's own limit; its headers have some 120 bytes. */
#define HEADER_BYTES_MAX 10000
#define HEADER_ALIGNMENT 64
#define DESCR_BYTES      16

typedef struct descr_entry {
    const char *descr; /* without the byte order */
    td_dtype dtype;
} descr_entry;

static const descr_entry descrs[] = {
    {"f4", TD_DTYPE_F32},  {"f8", TD_DTYPE_F64}, {"f2", TD_DTYPE_F16}, {"u1", TD_DTYPE_U8},
    {"i1", TD_DTYPE_I8},   {"u2", TD_DTYPE_U16}, {"i2", TD_DTYPE_I16}, {"u4", TD_DTYPE_U32},
    {"i4", TD_DTYPE_I32},  {"u8", TD_DTYPE_U64}, {"i8", TD_DTYPE_I64}, {"b1", TD_DTYPE_BOOL},
    {"V2", TD_DTYPE_BF16},
};

#define DESCR_COUNT (sizeof descrs / sizeof descrs[0])

/* The header's text, and how far it is read. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static td_status malformed(td_error *err) {
    return tdi_fail(err, TD_FORMAT, "a damaged NumPy file: its header cannot be understood");
}

static void skip_space(cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t'))
        c->at++;
}

/* Whether `text` is next; then it is taken. */
static int take(cursor *c, const char *text) {
    size_t length = strlen(text);
    skip_space(c);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, text, length) != 0)
        return 0;
    c->at += length;
    return 1;
}

/* A string in either kind of quotes, without escapes; 0 where there is none that fits. */
static int take_string(cursor *c, char out[DESCR_BYTES]) {
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return 0;
    const char quote = *c->at++;
    const char *close = memchr(c->at, quote, (size_t)(c->end - c->at));
    if (!close || close - c->at >= DESCR_BYTES)
        return 0;
    size_t length = (size_t)(close - c->at);
    memcpy(out, c->at, length);
    out[length] = 0;
    c->at = close + 1;
    return 1;
}

static int take_dimension(cursor *c, int64_t *out) {
    int64_t value = 0;
    skip_space(c);
    const char *begin = c->at;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        if (value > (INT64_MAX - 9) / 10)
            return 0;
        value = value * 10 + (*c->at - '0');
    }
    *out = value;
    return c->at > begin;
}

/* "()", "(5,)", "(2, 3)" and so on. */
static td_status take_shape(cursor *c, td_shape *shape, td_error *err) {
    shape->rank = 0;
    if (!take(c, "("))
        return malformed(err);
    while (!take(c, ")")) {
        if (shape->rank == TD_RANK_MAX)
            return tdi_fail(err, TD_LIMIT, "the NumPy file's array has more than %d axes",
                            TD_RANK_MAX);
        if (!take_dimension(c, &shape->dim[shape->rank++]))
            return malformed(err);
        if (!take(c, ",")) {
            if (!take(c, ")"))
                return malformed(err);
            break;
        }
    }
    return TD_OK;
}

static td_status find_dtype(const char *descr, td_dtype *out, td_error *err) {
    if (descr[0] == '>')
        return tdi_fail(err, TD_UNSUPPORTED,
                        "the NumPy file is big-endian (%s): save array.astype(\"<%s\")", descr,
                        descr + 1);
    for (size_t i = 0; i < DESCR_COUNT; i++)
        if (strchr("<|=", descr[0]) && descr[0] && !strcmp(descr + 1, descrs[i].descr)) {
            *out = descrs[i].dtype;
            return TD_OK;
        }
    return tdi_fail(err, TD_UNSUPPORTED,
                    "the NumPy file has elements of type \"%s\": save array.astype(...) of a type "
                    "that a network can have, such as \"<f4\"",
                    descr);
}

static td_status take_descr(cursor *c, td_dtype *out, td_error *err) {
    char descr[DESCR_BYTES];
    skip_space(c);
    if (c->at < c->end && *c->at == '[')
        return tdi_fail(err, TD_UNSUPPORTED,
                        "the NumPy file has records as elements: save one field of them");
    if (!take_string(c, descr))
        return malformed(err);
    for (const char *p = descr; *p; p++)
        if (*p < ' ' || *p > '~')
            return malformed(err);
    return find_dtype(descr, out, err);
}

static td_status take_order(cursor *c, td_error *err) {
    if (take(c, "True"))
        return tdi_fail(err, TD_UNSUPPORTED,
                        "the NumPy file is in Fortran order: save np.ascontiguousarray(array)");
    return take(c, "False") ? TD_OK : malformed(err);
}

/* The three keys, in any order, each once. */
static td_status parse_header(cursor c, td_array *out, td_error *err) {
    unsigned seen = 0, key;
    char name[DESCR_BYTES];
    if (!take(&c, "{"))
        return malformed(err);
    while (!take(&c, "}")) {
        if (!take_string(&c, name) || !take(&c, ":"))
            return malformed(err);
        if (!strcmp(name, "descr")) {
            key = 1;
            TD_TRY(take_descr(&c, &out->dtype, err));
        } else if (!strcmp(name, "fortran_order")) {
            key = 2;
            TD_TRY(take_order(&c, err));
        } else if (!strcmp(name, "shape")) {
            key = 4;
            TD_TRY(take_shape(&c, &out->shape, err));
        } else {
            return malformed(err);
        }
        if (seen & key)
            return malformed(err);
        seen |= key;
        if (!take(&c, ",")) {
            if (!take(&c, "}"))
                return malformed(err);
            break;
        }
    }
    skip_space(&c);
    return seen == 7 && c.at == c.end ? TD_OK : malformed(err);
}

/* Where the header's text lies. */
static td_status find_header(tdi_reader *r, cursor *out, td_error *err) {
    const uint8_t *start = tdi_read_bytes(r, sizeof magic);
    if (!start || memcmp(start, magic, sizeof magic) != 0)
        return tdi_fail(err, TD_FORMAT, "not a NumPy file");
    uint8_t major = tdi_read_u8(r), minor = tdi_read_u8(r);
    if (!r->failed && (major < 1 || major > 3 || minor != 0))
        return tdi_fail(err, TD_UNSUPPORTED,
                        "a NumPy file of version %u.%u: versions 1.0, 2.0 and 3.0 are read", major,
                        minor);
    size_t length = major == 1 ? tdi_read_u16(r) : tdi_read_u32(r);
    if (length > HEADER_BYTES_MAX)
        return tdi_fail(err, TD_LIMIT, "the NumPy file's header has more than %d bytes",
                        HEADER_BYTES_MAX);
    const uint8_t *text = tdi_read_bytes(r, length);
    if (!text)
        return tdi_fail(err, TD_FORMAT, "a damaged NumPy file: it ends within its header");
    out->at = (const char *)text;
    out->end = out->at + length;
    return TD_OK;
}

static td_status read_elements(tdi_reader *r, td_array *out, td_error *err) {
    int64_t elements = td_shape_elements(&out->shape);
    size_t left = tdi_reader_left(r), element_bytes = td_dtype_bytes(out->dtype);
    if (elements < 0 || (uint64_t)elements != left / element_bytes || left % element_bytes) {
        char shape[96];
        td_shape_format(&out->shape, shape, sizeof shape);
        return tdi_fail(
            err, TD_FORMAT,
            "a damaged NumPy file: it has %zu bytes of elements, which are not %s of %s", left,
            shape, td_dtype_name(out->dtype));
    }
    out->bytes = left;
    out->data = tdi_malloc(left + !left);
    if (!out->data)
        return tdi_fail_memory(err);
    if (left)
        memcpy(out->data, tdi_read_bytes(r, left), left);
    uint8_t *flags = out->data;
    for (size_t i = 0; out->dtype == TD_DTYPE_BOOL && i < left; i++)
        flags[i] = flags[i] != 0;
    return TD_OK;
}

td_status tdi_npy_parse(const uint8_t *bytes, size_t size, td_array *out, td_error *err) {
    tdi_reader r = tdi_reader_init(bytes, size);
    td_array array = {.dtype = TD_DTYPE_NONE};
    cursor header;
    TD_TRY(find_header(&r, &header, err));
    TD_TRY(parse_header(header, &array, err));
    TD_TRY(read_elements(&r, &array, err));
    *out = array;
    return TD_OK;
}

static const char *descr_of(td_dtype dtype) {
    for (size_t i = 0; i < DESCR_COUNT; i++)
        if (descrs[i].dtype == dtype)
            return descrs[i].descr;
    return NULL;
}

/* The header's text without padding; returns its length. */
static size_t write_header(const td_array *array, const char *descr, char *out, size_t out_bytes) {
    int at = snprintf(out, out_bytes, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                      td_dtype_bytes(array->dtype) == 1 ? '|' : '<', descr);
    for (int i = 0; i < array->shape.rank; i++)
        at += snprintf(out + at, out_bytes - (size_t)at, "%s%" PRId64 "%s", i ? " " : "",
                       array->shape.dim[i], i == 0 || i + 1 < array->shape.rank ? "," : "");
    return (size_t)(at + snprintf(out + at, out_bytes - (size_t)at, "), }"));
}

td_status tdi_npy_format(const td_array *array, uint8_t **bytes, size_t *size, td_error *err) {
    char text[128 + 24 * TD_RANK_MAX];
    const char *descr = descr_of(array->dtype);
    int64_t elements = td_shape_elements(&array->shape);
    if (!descr || elements < 0 || (uint64_t)elements != array->bytes / td_dtype_bytes(array->dtype))
        return tdi_fail(err, TD_ARGUMENT, "the array's shape and bytes do not belong together");
    size_t length = write_header(array, descr, text, sizeof text);
    size_t before = sizeof magic + 4, all = before + length + 1;
    all += (HEADER_ALIGNMENT - all % HEADER_ALIGNMENT) % HEADER_ALIGNMENT;
    uint8_t *file = tdi_malloc(all + array->bytes);
    if (!file)
        return tdi_fail_memory(err);
    tdi_writer w = tdi_writer_init(file, all + array->bytes);
    tdi_write_bytes(&w, magic, sizeof magic);
    tdi_write_u8(&w, 1);
    tdi_write_u8(&w, 0);
    tdi_write_u16(&w, (uint16_t)(all - before));
    tdi_write_bytes(&w, text, length);
    while (w.at < all - 1)
        tdi_write_u8(&w, ' ');
    tdi_write_u8(&w, '\n');
    tdi_write_bytes(&w, array->data, array->bytes);
    *bytes = file;
    *size = w.at;
    return TD_OK;
}

td_status td_npy_read(const char *path, td_array *out, td_error *err) {
    uint8_t *bytes;
    size_t size;
    if (!path || !out)
        return tdi_fail(err, TD_ARGUMENT, "td_npy_read: path and out must not be NULL");
    TD_TRY(tdi_file_read(path, TD_NPY_BYTES_MAX, &bytes, &size, err));
    td_status status = tdi_npy_parse(bytes, size, out, err);
    tdi_free(bytes);
    return status ? tdi_fail_prefix(err, status, "%s", path) : TD_OK;
}

td_status td_npy_write(const char *path, const td_array *array, td_error *err) {
    uint8_t *bytes;
    size_t size;
    if (!path || !array)
        return tdi_fail(err, TD_ARGUMENT, "td_npy_write: path and array must not be NULL");
    TD_TRY(tdi_npy_format(array, &bytes, &size, err));
    td_status status = tdi_file_write(path, bytes, size, err);
    tdi_free(bytes);
    return status;
}

void td_array_clear(td_array *array) {
    if (!array)
        return;
    tdi_free(array->data);
    memset(array, 0, sizeof *array);
}
