/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/ranges.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/status.h"

#define MAGIC      "TDRANGE\n"
#define MAGIC_SIZE 8
enum {
    VERSION = 1,
    COUNT_MAX = 1 << 20,
    NAME_MAX_BYTES = 65535,
    HEAD_SIZE = MAGIC_SIZE + 4 + 4,
    ITEM_SIZE_MIN = 4 + 1 + 4 + 4
};

/* Index of the first range not before `name`. */
static size_t position(const tdi_ranges *ranges, const char *name) {
    size_t low = 0, high = ranges->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(ranges->items[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static td_status insert(tdi_ranges *ranges, size_t at, char *name, float low, float high,
                        td_error *err) {
    if (!name ||
        tdi_grow(&ranges->items, &ranges->capacity, ranges->count + 1, sizeof *ranges->items)) {
        tdi_free(name);
        return tdi_fail_memory(err);
    }
    memmove(ranges->items + at + 1, ranges->items + at,
            (ranges->count - at) * sizeof *ranges->items);
    ranges->items[at] = (tdi_range){name, low, high};
    ranges->count++;
    return TD_OK;
}

td_status tdi_ranges_add(tdi_ranges *ranges, const char *name, float low, float high,
                         td_error *err) {
    return insert(ranges, position(ranges, name), tdi_strdup(name), low, high, err);
}

const tdi_range *tdi_ranges_find(const tdi_ranges *ranges, const char *name) {
    size_t at = position(ranges, name);
    int found = at < ranges->count && strcmp(ranges->items[at].name, name) == 0;
    return found ? &ranges->items[at] : NULL;
}

void tdi_ranges_clear(tdi_ranges *ranges) {
    for (size_t i = 0; i < ranges->count; i++)
        tdi_free(ranges->items[i].name);
    tdi_free(ranges->items);
    memset(ranges, 0, sizeof *ranges);
}

td_status tdi_ranges_write(const tdi_ranges *ranges, uint8_t **bytes, size_t *size, td_error *err) {
    size_t total = HEAD_SIZE;
    for (size_t i = 0; i < ranges->count; i++)
        total += 4 + strlen(ranges->items[i].name) + 4 + 4;
    uint8_t *data = tdi_malloc(total);
    if (!data)
        return tdi_fail_memory(err);
    tdi_writer w = tdi_writer_init(data, total);
    tdi_write_bytes(&w, MAGIC, MAGIC_SIZE);
    tdi_write_u32(&w, VERSION);
    tdi_write_u32(&w, (uint32_t)ranges->count);
    for (size_t i = 0; i < ranges->count; i++) {
        const tdi_range *range = &ranges->items[i];
        tdi_write_u32(&w, (uint32_t)strlen(range->name));
        tdi_write_bytes(&w, range->name, strlen(range->name));
        tdi_write_f32(&w, range->low);
        tdi_write_f32(&w, range->high);
    }
    *bytes = data;
    *size = total;
    return TD_OK;
}

static td_status fail(const tdi_reader *r, td_error *err, const char *what) {
    return tdi_fail_at(err, TD_FORMAT, (int64_t)r->at, "ranges: %s at byte %zu", what, r->at);
}

static td_status parse_item(tdi_reader *r, tdi_ranges *out, td_error *err) {
    uint32_t size = tdi_read_u32(r);
    if (r->failed || size < 1 || size > NAME_MAX_BYTES)
        return fail(r, err, "a name's size is wrong");
    const uint8_t *name = tdi_read_bytes(r, size);
    float low = tdi_read_f32(r), high = tdi_read_f32(r);
    if (r->failed)
        return fail(r, err, "the file ends early");
    if (memchr(name, 0, size))
        return fail(r, err, "a name has a NUL");
    if (!isfinite(low) || !isfinite(high) || !(low <= 0) || !(high >= 0))
        return fail(r, err, "bounds are no range around 0");
    TD_TRY(insert(out, out->count, tdi_strndup((const char *)name, size), low, high, err));
    size_t last = out->count - 1;
    if (last > 0 && strcmp(out->items[last - 1].name, out->items[last].name) >= 0)
        return fail(r, err, "names are not in order");
    return TD_OK;
}

static td_status parse(tdi_reader *r, tdi_ranges *out, td_error *err) {
    const uint8_t *magic = tdi_read_bytes(r, MAGIC_SIZE);
    uint32_t version = tdi_read_u32(r), count = tdi_read_u32(r);
    if (r->failed || memcmp(magic, MAGIC, MAGIC_SIZE) != 0)
        return fail(r, err, "this is no file of ranges");
    if (version != VERSION)
        return tdi_fail_at(err, TD_FORMAT, MAGIC_SIZE, "ranges: version %u is not known, only %d",
                           (unsigned)version, VERSION);
    if (count > COUNT_MAX || count > tdi_reader_left(r) / ITEM_SIZE_MIN)
        return fail(r, err, "more tensors than the file can have");
    for (uint32_t i = 0; i < count; i++)
        TD_TRY(parse_item(r, out, err));
    return tdi_reader_left(r) == 0 ? TD_OK : fail(r, err, "more bytes than there are tensors");
}

td_status tdi_ranges_parse(const uint8_t *bytes, size_t size, tdi_ranges *out, td_error *err) {
    tdi_reader r = tdi_reader_init(bytes, size);
    memset(out, 0, sizeof *out);
    td_status status = parse(&r, out, err);
    if (status != TD_OK)
        tdi_ranges_clear(out);
    return status;
}
