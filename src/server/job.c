/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work for a worker.
 */
#include "server/job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"

static td_status run_open(tdi_job *job) {
    tdi_target *target = job->target;
    const td_half_settings settings = {1, target->precision};
    return tdi_receiver_open(target->model, target->cut, target->strategy, &settings,
                             &target->receivers[job->worker], &job->error);
}

/* Copies the outputs, so that the receiver is free for the next frame. */
static td_status keep_outputs(tdi_job *job, const tdi_received *received) {
    size_t elements = 0, limit = TDI_OUTPUT_BYTES_MAX / sizeof(float);
    if (received->output_count > TDI_OUTPUTS_MAX)
        return tdi_fail(&job->error, TD_LIMIT, "the model has %zu outputs, at most %d can be sent",
                        received->output_count, TDI_OUTPUTS_MAX);
    for (size_t i = 0; i < received->output_count; i++) {
        if (received->output_elements[i] > limit - elements)
            return tdi_fail(&job->error, TD_LIMIT, "the outputs have more than %u bytes",
                            TDI_OUTPUT_BYTES_MAX);
        elements += received->output_elements[i];
    }
    if (tdi_grow(&job->outputs, &job->outputs_capacity, elements, sizeof(float)))
        return tdi_fail_memory(&job->error);
    float *to = job->outputs;
    for (size_t i = 0; i < received->output_count; i++) {
        memcpy(to, received->outputs[i], received->output_elements[i] * sizeof(float));
        to += received->output_elements[i];
        job->output_elements[i] = received->output_elements[i];
    }
    job->output_count = received->output_count;
    job->output_bytes = elements * sizeof(float);
    return TD_OK;
}

static td_status run_frame(tdi_job *job, td_time now) {
    tdi_target *target = job->target;
    tdi_received received;
    job->queue = now - job->arrived;
    TD_TRY(tdi_receiver_frame(target->receivers[job->worker],
                              job->payload ? job->payload->data : (const uint8_t *)"",
                              job->payload ? job->payload->size : 0, job->sizes, job->size_count,
                              &received, &job->error));
    job->es = received.es;
    job->is = received.is;
    td_output_kind kind = td_model_output_kind(target->model);
    if (kind != TD_OUTPUT_RAW && received.output_count)
        job->prediction_count = td_top(received.outputs[0], received.output_elements[0], kind,
                                       job->predictions, job->top);
    return job->raw_outputs ? keep_outputs(job, &received) : TD_OK;
}

static td_status run_file(tdi_job *job) {
    struct stat st;
    td_status status = TD_OK;
    size_t got = 0;
    int fd = open(job->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        status = tdi_fail(&job->error, TD_IO, "the server cannot read a file of the bundle: %s",
                          strerror(errno));
        goto done;
    }
    job->total = (uint64_t)st.st_size;
    while (got < job->length) {
        ssize_t n = pread(fd, job->payload->data + got, job->length - got,
                          (off_t)(job->offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            status = tdi_fail(&job->error, TD_IO, "the server cannot read a file of the bundle: %s",
                              strerror(errno));
            goto done;
        }
        if (n == 0)
            break;
        got += (size_t)n;
    }
    job->length = got;
done:
    if (fd >= 0)
        close(fd);
    return status;
}

void tdi_job_run(tdi_job *job, td_time now) {
    switch (job->kind) {
    case TDI_JOB_OPEN:
        job->status = run_open(job);
        break;
    case TDI_JOB_FRAME:
        job->status = run_frame(job, now);
        break;
    case TDI_JOB_FILE:
        job->status = run_file(job);
        break;
    }
}

void tdi_job_free(tdi_job *job) {
    tdi_free(job->outputs);
    tdi_free(job->path);
    tdi_free(job);
}
