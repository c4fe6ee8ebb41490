/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calibration: statistics of the tensors of one cut over sample pictures, and their file form
 * (.tdc).
 */
#ifndef TDI_CALIB_CALIB_H
#define TDI_CALIB_CALIB_H

#include <tandem/codec.h>

#include "base/atomic.h"
#include "base/hash.h"
#include "base/status.h"
#include "tensor/moments.h"

/* What a codec fitted for itself: opaque here, versioned by the codec. */
typedef struct tdi_calibration_part {
    char name[16];
    uint8_t *bytes;
    size_t size;
} tdi_calibration_part;

struct td_calibration {
    tdi_refcount references;
    char *tensor; /* name */
    td_layout layout;
    uint64_t pictures;
    uint64_t nonfinite;                  /* values left out of the statistics */
    double mean, sigma, min, max;        /* over all elements and pictures */
    float *channel_mean, *channel_sigma; /* [channels] */
    float *element_mean, *element_sigma; /* [channels * height * width]; both NULL: not kept */
    tdi_calibration_part *parts;
    size_t part_count;
};

/* Zeroed, one reference; NULL when out of memory. td_calibration_unref() accepts it half-filled. */
td_calibration *tdi_calibration_new(void);

/* The part of that name, or NULL. */
const tdi_calibration_part *tdi_calibration_part_find(const td_calibration *calibration,
                                                      const char *name);

/* The tensors of one cut, as one file. */
typedef struct tdi_calibration_set {
    char *cut; /* "a" or "a,b" */
    td_calibration **tensors;
    size_t tensor_count;
    tdi_hash hash; /* of the file's bytes */
} tdi_calibration_set;

void tdi_calibration_set_clear(tdi_calibration_set *set);
/* To bytes (docs/bundle.md describes them); also sets set->hash. *bytes is freed with tdi_free().
 */
td_status tdi_calibration_set_write(tdi_calibration_set *set, uint8_t **bytes, size_t *size,
                                    td_error *err);
/* From bytes: TD_FORMAT or TD_LIMIT with the offset, TD_VERSION for another version. */
td_status tdi_calibration_set_parse(const uint8_t *bytes, size_t size, tdi_calibration_set *out,
                                    td_error *err);

/* Gathers statistics of one tensor. One thread at a time; merge the builders of several threads in
 * a fixed order. */
typedef struct tdi_calibration_builder tdi_calibration_builder;
tdi_calibration_builder *tdi_calibration_builder_new(const char *tensor, const td_layout *layout);
void tdi_calibration_builder_free(tdi_calibration_builder *builder);
/* Adds one picture's tensor, dense CHW float32. */
void tdi_calibration_builder_add(tdi_calibration_builder *builder, const float *features);
void tdi_calibration_builder_merge(tdi_calibration_builder *into,
                                   const tdi_calibration_builder *from);
td_status tdi_calibration_builder_finish(const tdi_calibration_builder *builder,
                                         td_calibration **out, td_error *err);

#endif
