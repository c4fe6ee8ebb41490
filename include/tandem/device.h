/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device: runs heads, sends features, collects results, over a connection or all in this
 * process.
 */
#ifndef TANDEM_DEVICE_H
#define TANDEM_DEVICE_H

#include <tandem/base.h>
#include <tandem/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct td_device td_device;

typedef struct td_device_settings {
    const char
        *server; /* "host:port"; NULL: both halves in this process, through the same pipeline */
    const char
        *model; /* an .onnx file or a bundle; with a server also the name of a bundle that it has */
    td_model_settings opening; /* without a server only: with one the bundle's sizes count */
    const char
        *cut; /* NULL: the bundle's default, else "input" with a server and "output" without */
    const char *codec;      /* strategy; NULL: the bundle's default at its default cut, else
                               "picture+jpeg:quality=90" at `input` and "raw" elsewhere */
    int threads;            /* inside an operator; 1..64; 0: one per processor */
    td_precision precision; /* of what is computed in this process; default float32 */
    int top;                /* predictions per frame, 1..TD_TOP_MAX; default 5 */
    int window;      /* frames sent and not yet confirmed; 1..64; default 1 (the thesis' rule) */
    int raw_outputs; /* non-zero: the outputs come back whole, too */
    td_duration silence; /* a server that says nothing for so long while it is waited for is dead;
                            default 2 s */
    const char *cache;   /* folder for bundles fetched from servers; NULL: $XDG_CACHE_HOME/tandem or
                            ~/.cache/tandem */
    td_progress_fn progress; /* of fetching a bundle; may be NULL */
    void *progress_user;
} td_device_settings;

#define TD_TOP_MAX 100

TD_API td_device_settings td_device_settings_default(void);

/*
 * Connects, fetches what of the bundle is missing here (hash-checked, resumed where an earlier
 * fetch broke off), opens the head, and has the server open the tail. `settings` is copied. Blocks.
 */
TD_API td_status td_device_open(const td_device_settings *settings, td_device **out, td_error *err);
/* Closes at once; frames without an outcome are forgotten. */
TD_API void td_device_close(td_device *device);

/* The model as this device has it; owned by the device. */
TD_API td_model *td_device_model(td_device *device);
/* The cut and the strategy in use, with every setting written out. */
TD_API const char *td_device_cut(const td_device *device);
TD_API const char *td_device_codec(const td_device *device);

/* The terms of It = Ic + Ec + D/B + RTT + Es + Is + rest (thesis, eq. 4.1), as measured for one
 * frame. */
typedef struct td_terms {
    td_duration it;      /* from taking the picture to having the result */
    td_duration ic, ec;  /* head (with fitting the picture), quantize and encode */
    td_duration network; /* D/B: from the first byte sent to the confirmation, less RTT, and no more
                            than the other terms leave of `it`; at least 0 */
    td_duration rtt;     /* last measured round trip of an empty message */
    td_duration queue;   /* waiting at the server for a worker; not part of the sum */
    td_duration es, is;  /* decode and dequantize, tail */
} td_terms;

typedef struct td_outcome {
    uint64_t id;      /* as td_device_submit() gave it */
    td_status status; /* TD_OK: a result; else the reason why there is none */
    td_error reason;  /* where status is not TD_OK */
    size_t bytes;     /* encoded size of the feature tensors */
    td_terms terms;
    size_t prediction_count;
    td_prediction predictions[TD_TOP_MAX];
    const float *output; /* first output where raw_outputs was asked for, else NULL; valid until the
                            next outcome is taken */
    size_t output_elements;
} td_outcome;

/*
 * Runs the head on a picture, encodes and sends. Blocks for that long, and before it until the
 * window has room. A frame taken (TD_OK) yields exactly one outcome. TD_CLOSED or TD_TIMEOUT when
 * the server is gone, TD_BUSY when thousands of outcomes wait to be taken.
 */
TD_API td_status td_device_submit(td_device *device, const td_picture *picture, uint64_t *id,
                                  td_error *err);
/*
 * Takes the next outcome, in the order in which they come. Blocks until there is one; TD_NOT_FOUND
 * when no frame is under way. When the connection has broken, frames under way come out with the
 * reason.
 */
TD_API td_status td_device_next(td_device *device, td_outcome *out, td_error *err);

#ifdef __cplusplus
}
#endif

#endif
