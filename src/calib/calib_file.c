/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The .tdc file: the calibrations of the tensors of one cut. All numbers little-endian, floats
 * IEEE:
 *
 *     file:    |magic "TDCALIB\n": 8|version = 1: u32|tensors: u32 (1..1024)|cut: text|tensor ...|
 *     text:    |size: u32 (1..65535)|UTF-8 without NUL: size|
 *     tensor:  |name: text|dtype: u8|order: u8|elements?: u8 (0, 1)|0: u8|channels: u32|height:
 * u32|width: u32| |pictures: u64 (>= 1)|nonfinite: u64|mean: f64|sigma: f64|min: f64|max: f64|
 *              |channel means: f32 x channels|channel sigmas: f32 x channels|
 *              |element means: f32 x elements|element sigmas: f32 x elements|      where elements?
 * is 1 |parts: u32 (0..64)|part ...| part:    |name: 16, ASCII, NUL-padded, at least one NUL|size:
 * u64|bytes: size|
 *
 * elements = channels * height * width, 1..2^28. Floats are finite, sigmas not negative, min <=
 * max; parts of a tensor have different names; nothing follows the last tensor. A file that breaks
 * a rule is refused.
 */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "calib/calib.h"

#define MAGIC        "TDCALIB\n"
#define MAGIC_BYTES  8
#define VERSION      1
#define TENSORS_MAX  1024
#define PARTS_MAX    64
#define TEXT_MAX     65535
#define ELEMENTS_MAX ((uint64_t)1 << 28)
#define PART_NAME    16

static td_status bad(const tdi_reader *r, td_error *err, const char *what) {
    return tdi_fail_at(err, TD_FORMAT, (int64_t)r->at, "calibration, byte %zu: %s", r->at, what);
}

static void write_f64(tdi_writer *w, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    tdi_write_u64(w, bits);
}

static double read_f64(tdi_reader *r) {
    uint64_t bits = tdi_read_u64(r);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void write_floats(tdi_writer *w, const float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        tdi_write_f32(w, values[i]);
}

static void write_text(tdi_writer *w, const char *text) {
    size_t size = strlen(text);
    tdi_write_u32(w, (uint32_t)size);
    tdi_write_bytes(w, text, size);
}

static size_t element_count(const td_calibration *c) {
    return c->element_mean ? (size_t)td_layout_elements(&c->layout) : 0;
}

static size_t tensor_bytes(const td_calibration *c) {
    size_t bytes = 4 + strlen(c->tensor) + 4 + 12 + 16 + 32 + 4;
    bytes += 8 * (size_t)c->layout.channels + 8 * element_count(c);
    for (size_t i = 0; i < c->part_count; i++)
        bytes += PART_NAME + 8 + c->parts[i].size;
    return bytes;
}

static void write_tensor(tdi_writer *w, const td_calibration *c) {
    size_t channels = (size_t)c->layout.channels, elements = element_count(c);
    write_text(w, c->tensor);
    tdi_write_u8(w, (uint8_t)c->layout.dtype);
    tdi_write_u8(w, (uint8_t)c->layout.order);
    tdi_write_u8(w, elements != 0);
    tdi_write_u8(w, 0);
    tdi_write_u32(w, (uint32_t)c->layout.channels);
    tdi_write_u32(w, (uint32_t)c->layout.height);
    tdi_write_u32(w, (uint32_t)c->layout.width);
    tdi_write_u64(w, c->pictures);
    tdi_write_u64(w, c->nonfinite);
    write_f64(w, c->mean);
    write_f64(w, c->sigma);
    write_f64(w, c->min);
    write_f64(w, c->max);
    write_floats(w, c->channel_mean, channels);
    write_floats(w, c->channel_sigma, channels);
    write_floats(w, c->element_mean, elements);
    write_floats(w, c->element_sigma, elements);
    tdi_write_u32(w, (uint32_t)c->part_count);
    for (size_t i = 0; i < c->part_count; i++) {
        char name[PART_NAME] = {0};
        memcpy(name, c->parts[i].name, strnlen(c->parts[i].name, PART_NAME - 1));
        tdi_write_bytes(w, name, PART_NAME);
        tdi_write_u64(w, c->parts[i].size);
        tdi_write_bytes(w, c->parts[i].bytes, c->parts[i].size);
    }
}

static int fits_file(const tdi_calibration_set *set) {
    if (set->tensor_count < 1 || set->tensor_count > TENSORS_MAX || !set->cut || !set->cut[0] ||
        strlen(set->cut) > TEXT_MAX)
        return 0;
    for (size_t i = 0; i < set->tensor_count; i++) {
        const td_calibration *c = set->tensors[i];
        if (!c->tensor[0] || strlen(c->tensor) > TEXT_MAX || c->part_count > PARTS_MAX)
            return 0;
    }
    return 1;
}

td_status tdi_calibration_set_write(tdi_calibration_set *set, uint8_t **bytes, size_t *size,
                                    td_error *err) {
    if (!fits_file(set))
        return tdi_fail(err, TD_LIMIT,
                        "a calibration file holds 1 to %d tensors with names of 1 to %d bytes and "
                        "at most %d parts",
                        TENSORS_MAX, TEXT_MAX, PARTS_MAX);
    size_t total = MAGIC_BYTES + 4 + 4 + 4 + strlen(set->cut);
    for (size_t i = 0; i < set->tensor_count; i++)
        total += tensor_bytes(set->tensors[i]);
    uint8_t *data = tdi_malloc(total);
    if (!data)
        return tdi_fail_memory(err);
    tdi_writer w = tdi_writer_init(data, total);
    tdi_write_bytes(&w, MAGIC, MAGIC_BYTES);
    tdi_write_u32(&w, VERSION);
    tdi_write_u32(&w, (uint32_t)set->tensor_count);
    write_text(&w, set->cut);
    for (size_t i = 0; i < set->tensor_count; i++)
        write_tensor(&w, set->tensors[i]);
    set->hash = tdi_hash_of(data, total);
    *bytes = data;
    *size = total;
    return TD_OK;
}

static td_status read_text(tdi_reader *r, char **out, td_error *err) {
    uint32_t size = tdi_read_u32(r);
    if (r->failed || size < 1 || size > TEXT_MAX)
        return bad(r, err, "a name is missing or too long");
    const uint8_t *text = tdi_read_bytes(r, size);
    if (!text || memchr(text, 0, size))
        return bad(r, err, "a name is cut short or holds a NUL");
    *out = tdi_strndup((const char *)text, size);
    return *out ? TD_OK : tdi_fail_memory(err);
}

/* Floats from the file; the bytes are known to be there before memory is taken for them. */
static td_status read_floats(tdi_reader *r, size_t count, int deviations, float **out,
                             td_error *err) {
    if (count > tdi_reader_left(r) / 4)
        return bad(r, err, "the statistics are cut short");
    *out = tdi_malloc(count * sizeof **out);
    if (!*out)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        float value = tdi_read_f32(r);
        if (!isfinite(value) || (deviations && value < 0))
            return bad(r, err,
                       deviations ? "a deviation is not finite or negative"
                                  : "a mean is not finite");
        (*out)[i] = value;
    }
    return TD_OK;
}

static td_status read_layout(tdi_reader *r, td_layout *out, int *has_elements, td_error *err) {
    uint8_t dtype = tdi_read_u8(r), order = tdi_read_u8(r), elements = tdi_read_u8(r),
            zero = tdi_read_u8(r);
    uint32_t channels = tdi_read_u32(r), height = tdi_read_u32(r), width = tdi_read_u32(r);
    if (r->failed || !td_dtype_bytes((td_dtype)dtype) || order > TD_ORDER_HWC || elements > 1 ||
        zero)
        return bad(r, err, "the tensor's layout is not one that this version knows");
    if (channels < 1 || height < 1 || width < 1 || channels > ELEMENTS_MAX ||
        height > ELEMENTS_MAX || (uint64_t)channels * height > ELEMENTS_MAX / width)
        return bad(r, err, "the tensor's shape is empty or too large");
    out->dtype = (td_dtype)dtype;
    out->order = (td_order)order;
    out->channels = (int32_t)channels;
    out->height = (int32_t)height;
    out->width = (int32_t)width;
    *has_elements = elements;
    return TD_OK;
}

static td_status read_overall(tdi_reader *r, td_calibration *c, td_error *err) {
    c->pictures = tdi_read_u64(r);
    c->nonfinite = tdi_read_u64(r);
    c->mean = read_f64(r);
    c->sigma = read_f64(r);
    c->min = read_f64(r);
    c->max = read_f64(r);
    if (r->failed || !c->pictures)
        return bad(r, err, "the statistics are cut short or of no picture");
    if (!isfinite(c->mean) || !isfinite(c->sigma) || !isfinite(c->min) || !isfinite(c->max) ||
        c->sigma < 0 || c->min > c->max)
        return bad(r, err, "mean, deviation, min or max is impossible");
    return TD_OK;
}

static td_status read_part(tdi_reader *r, td_calibration *c, td_error *err) {
    tdi_calibration_part *part = &c->parts[c->part_count];
    const uint8_t *name = tdi_read_bytes(r, PART_NAME);
    uint64_t size = tdi_read_u64(r);
    if (!name || !name[0] || name[PART_NAME - 1])
        return bad(r, err, "a part has no name");
    size_t length = strlen((const char *)name);
    for (size_t i = 0; i < PART_NAME; i++)
        if (i < length ? name[i] <= 0x20 || name[i] >= 0x7f : name[i])
            return bad(r, err, "the name of a part is not plain text");
    if (tdi_calibration_part_find(c, (const char *)name))
        return bad(r, err, "two parts have the same name");
    if (r->failed || size > tdi_reader_left(r))
        return bad(r, err, "a part is cut short");
    memcpy(part->name, name, PART_NAME);
    part->bytes = tdi_malloc((size_t)size + 1);
    if (!part->bytes)
        return tdi_fail_memory(err);
    memcpy(part->bytes, tdi_read_bytes(r, (size_t)size), (size_t)size);
    part->size = (size_t)size;
    c->part_count++;
    return TD_OK;
}

static td_status read_parts(tdi_reader *r, td_calibration *c, td_error *err) {
    uint32_t count = tdi_read_u32(r);
    if (r->failed || count > PARTS_MAX || count > tdi_reader_left(r) / (PART_NAME + 8))
        return bad(r, err, "the number of parts is missing or too large");
    if (!count)
        return TD_OK;
    c->parts = tdi_calloc(count, sizeof *c->parts);
    if (!c->parts)
        return tdi_fail_memory(err);
    for (uint32_t i = 0; i < count; i++)
        TD_TRY(read_part(r, c, err));
    return TD_OK;
}

/* Fills `c` as far as it gets; the caller owns it either way. */
static td_status read_tensor(tdi_reader *r, td_calibration *c, td_error *err) {
    int has_elements = 0;
    TD_TRY(read_text(r, &c->tensor, err));
    TD_TRY(read_layout(r, &c->layout, &has_elements, err));
    TD_TRY(read_overall(r, c, err));
    size_t channels = (size_t)c->layout.channels;
    TD_TRY(read_floats(r, channels, 0, &c->channel_mean, err));
    TD_TRY(read_floats(r, channels, 1, &c->channel_sigma, err));
    if (has_elements) {
        size_t elements = (size_t)td_layout_elements(&c->layout);
        TD_TRY(read_floats(r, elements, 0, &c->element_mean, err));
        TD_TRY(read_floats(r, elements, 1, &c->element_sigma, err));
    }
    return read_parts(r, c, err);
}

static td_status read_set(tdi_reader *r, tdi_calibration_set *set, td_error *err) {
    const uint8_t *magic = tdi_read_bytes(r, MAGIC_BYTES);
    if (!magic || memcmp(magic, MAGIC, MAGIC_BYTES))
        return tdi_fail_at(err, TD_FORMAT, 0, "this is no calibration file");
    uint32_t version = tdi_read_u32(r);
    if (r->failed)
        return bad(r, err, "the file is cut short");
    if (version != VERSION)
        return tdi_fail_at(err, TD_VERSION, MAGIC_BYTES,
                           "the calibration file is of version %u, and this program reads version "
                           "%d: prepare the bundle anew",
                           (unsigned)version, VERSION);
    uint32_t count = tdi_read_u32(r);
    if (r->failed || count < 1 || count > TENSORS_MAX)
        return bad(r, err, "the number of tensors is missing or too large");
    TD_TRY(read_text(r, &set->cut, err));
    set->tensors = tdi_calloc(count, sizeof(td_calibration *));
    if (!set->tensors)
        return tdi_fail_memory(err);
    for (; set->tensor_count < count; set->tensor_count++) {
        td_calibration *c = tdi_calibration_new();
        if (!c)
            return tdi_fail_memory(err);
        td_status status = read_tensor(r, c, err);
        if (status != TD_OK) {
            td_calibration_unref(c);
            return status;
        }
        set->tensors[set->tensor_count] = c;
    }
    return tdi_reader_left(r) ? bad(r, err, "bytes follow the last tensor") : TD_OK;
}

td_status tdi_calibration_set_parse(const uint8_t *bytes, size_t size, tdi_calibration_set *out,
                                    td_error *err) {
    tdi_calibration_set set;
    memset(&set, 0, sizeof set);
    tdi_reader r = tdi_reader_init(bytes, size);
    td_status status = read_set(&r, &set, err);
    if (status != TD_OK) {
        tdi_calibration_set_clear(&set);
        return status;
    }
    set.hash = tdi_hash_of(bytes, size);
    *out = set;
    return TD_OK;
}
