/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame's computing on both sides, once, for everybody: fit -> head -> quantize -> encode, and
 * decode -> dequantize -> tail. No threads, no sockets.
 */
#ifndef TDI_PIPELINE_PIPELINE_H
#define TDI_PIPELINE_PIPELINE_H

#include <tandem/model.h>

#include "base/atomic.h"
#include "bundle/bundle.h"
#include "engine/engine.h"
#include "graph/cut.h"

struct td_model {
    tdi_refcount references;
    char *name;
    tdi_graph *open; /* as the file has it, for other sizes */
    tdi_graph *graph;
    td_model *origin;   /* what it was rebound from, owner of labels and ranges; or NULL */
    int bound;          /* whether sizes were bound that the file leaves open */
    tdi_bundle *bundle; /* NULL for an ONNX file */
    td_recipe recipe;   /* width and height filled in from the input where they were 0 */
    td_output_kind output_kind;
    tdi_labels *labels; /* NULL: none */
    tdi_ranges ranges;  /* of tensors, for 8 bits; empty: none */
    tdi_packs *packs;
    /* Each behind a lock of its own; pipeline/model.h. */
    struct tdi_overview *overview;
    struct tdi_cut_table *cuts;
    struct tdi_program_table *programs;
    struct tdi_calibration_table *calibrations;
};

/* A model from a bundle that is already open; takes the bundle over on success only. `settings` may
 * be NULL. */
td_status tdi_model_from_bundle(tdi_bundle *bundle, const td_model_settings *settings,
                                td_model **out, td_error *err);

/*
 * Whether pictures can be run: one float32 input N x C x H x W with C 1 or 3, and a recipe that
 * fits it. Models without such an input can be inspected and split all the same.
 */
td_status tdi_model_check_pictures(const td_model *model, td_error *err);

/* Replaces the recipe of a model that nobody else uses yet; checks it against the input. */
td_status tdi_model_set_recipe(td_model *model, const td_recipe *recipe, td_error *err);

/*
 * What is taken where nobody says otherwise: the bundle's default cut and, at that cut, its default
 * strategy; where it has none, or without a bundle, `fallback`, and "picture+jpeg:quality=90" at
 * `input` and "raw" elsewhere.
 */
const char *tdi_default_cut(const tdi_bundle *bundle, const char *fallback);
const char *tdi_default_strategy(const tdi_bundle *bundle, const char *cut);

/* The calibration of a cut, kept in the model; *out NULL where none is on offer. TD_FORMAT etc. for
 * a damaged one. */
td_status tdi_model_calibration(td_model *model, const char *cut, const tdi_calibration_set **out,
                                td_error *err);

/* A strategy bound to a cut of a model: one codec per tensor. Used by one thread at a time. */
typedef struct tdi_coder tdi_coder;
td_status tdi_coder_open(td_model *model, const char *cut, const char *strategy, tdi_coder **out,
                         td_error *err);
void tdi_coder_close(tdi_coder *coder);
const char *tdi_coder_strategy(const tdi_coder *coder); /* every setting written out */
size_t tdi_coder_tensor_count(const tdi_coder *coder);
size_t tdi_coder_bound(const tdi_coder *coder); /* of all tensors */
int64_t tdi_coder_elements(const tdi_coder *coder);
/* Hash of the calibration that the strategy uses; all zero where it uses none. */
tdi_hash tdi_coder_calibration_hash(const tdi_coder *coder);

/*
 * Encodes all tensors of the cut, one after the other without gaps; sizes[i] (room for
 * tensor_count) are the lengths. They travel beside the bytes.
 */
td_status tdi_coder_encode(tdi_coder *coder, const void *const *features, uint8_t *out,
                           size_t out_bytes, uint32_t *sizes, size_t *written, td_error *err);
/* Decodes into buffers of the coder; features[i] is valid until the next decode. TD_FORMAT where
 * sizes do not add up. */
td_status tdi_coder_decode(tdi_coder *coder, const uint8_t *bytes, size_t bytes_count,
                           const uint32_t *sizes, size_t size_count, const void **features,
                           td_error *err);

/* The device's half of a frame, with what it took. */
typedef struct tdi_sender tdi_sender;
td_status tdi_sender_open(td_model *model, const char *cut, const char *strategy,
                          const td_half_settings *settings, tdi_sender **out, td_error *err);
void tdi_sender_close(tdi_sender *sender);
const tdi_coder *tdi_sender_coder(const tdi_sender *sender);
typedef struct tdi_sent {
    const uint8_t *bytes; /* owned by the sender, valid until its next frame */
    size_t size;
    const uint32_t *sizes; /* per tensor */
    size_t tensor_count;
    td_duration ic, ec;
} tdi_sent;
td_status tdi_sender_frame(tdi_sender *sender, const td_picture *picture, tdi_sent *out,
                           td_error *err);

/* The server's half of a frame, with what it took. */
typedef struct tdi_receiver tdi_receiver;
td_status tdi_receiver_open(td_model *model, const char *cut, const char *strategy,
                            const td_half_settings *settings, tdi_receiver **out, td_error *err);
void tdi_receiver_close(tdi_receiver *receiver);
const tdi_coder *tdi_receiver_coder(const tdi_receiver *receiver);
typedef struct tdi_received {
    const float *const *outputs; /* owned by the receiver, valid until its next frame */
    const size_t *output_elements;
    size_t output_count;
    td_duration es, is;
} tdi_received;
td_status tdi_receiver_frame(tdi_receiver *receiver, const uint8_t *bytes, size_t size,
                             const uint32_t *sizes, size_t size_count, tdi_received *out,
                             td_error *err);

#endif
