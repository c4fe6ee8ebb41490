/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work for a worker: opening a receiver, computing a frame, reading a range of a file. A job
 * belongs to the core's thread, except between the driver's `work` and tdi_server_core_done(), when
 * it belongs to the worker.
 */
#ifndef TDI_SERVER_JOB_H
#define TDI_SERVER_JOB_H

#include <tandem/device.h>

#include "server/target.h"
#include "session/blocks.h"
#include "wire/message.h"

typedef enum tdi_job_kind { TDI_JOB_OPEN, TDI_JOB_FRAME, TDI_JOB_FILE } tdi_job_kind;

struct tdi_peer;

typedef struct tdi_job {
    struct tdi_job *next; /* for the lists of whom it belongs to */
    tdi_job_kind kind;
    struct tdi_peer *peer; /* NULL for OPEN */
    int worker;
    td_status status; /* how it went */
    td_error error;

    tdi_target *target; /* OPEN, FRAME: a user of it */

    /* FRAME */
    uint64_t frame_id;
    tdi_block *payload; /* FRAME: the coded tensors; FILE: room for the range */
    uint32_t sizes[TDI_SIZES_MAX];
    size_t size_count;
    uint32_t top;
    int raw_outputs;
    td_time arrived;
    td_duration queue, es, is;
    td_prediction predictions[TD_TOP_MAX];
    size_t prediction_count;
    float *outputs; /* the job's own, kept from frame to frame */
    size_t outputs_capacity, output_bytes;
    uint64_t output_elements[TDI_OUTPUTS_MAX];
    size_t output_count;

    /* FILE */
    char *path;
    uint64_t request_id, offset, total;
    size_t length; /* wanted, then read */
} tdi_job;

/* Does the job; on the worker job->worker. */
void tdi_job_run(tdi_job *job, td_time now);

/* Frees what the job owns apart from the payload. */
void tdi_job_free(tdi_job *job);

#endif
