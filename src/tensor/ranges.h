/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which interval the elements of tensors lie, by the tensors' names: what a network is computed
 * with 8 bits by. docs/bundle.md has the file's layout.
 */
#ifndef TDI_TENSOR_RANGES_H
#define TDI_TENSOR_RANGES_H

#include <tandem/tensor.h>

/* A tensor has one range, for all channels. Elements outside are clipped: bounds are chosen so that
 * this, and rounding inside, lose the least. */
typedef struct tdi_range {
    char *name;
    float low, high; /* finite; low <= 0 <= high */
} tdi_range;

typedef struct tdi_ranges {
    tdi_range *items; /* ascending by name, each once */
    size_t count, capacity;
} tdi_ranges;

/* `ranges` is zeroed before the first one. Names come in any order, each once. TD_MEMORY. */
td_status tdi_ranges_add(tdi_ranges *ranges, const char *name, float low, float high,
                         td_error *err);
/* NULL: there is none. */
const tdi_range *tdi_ranges_find(const tdi_ranges *ranges, const char *name);
void tdi_ranges_clear(tdi_ranges *ranges);

/* *bytes is freed with tdi_free(). */
td_status tdi_ranges_write(const tdi_ranges *ranges, uint8_t **bytes, size_t *size, td_error *err);
/* TD_FORMAT with the offset. On failure `out` is empty. */
td_status tdi_ranges_parse(const uint8_t *bytes, size_t size, tdi_ranges *out, td_error *err);

#endif
