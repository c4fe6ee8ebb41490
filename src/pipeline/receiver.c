/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's half of a frame: decode, dequantize, tail; with the terms Es and Is.
 */
#include "base/clock.h"
#include "pipeline/model.h"

struct tdi_receiver {
    tdi_coder *coder;
    td_tail *tail;
    const float **outputs;
    size_t *output_elements;
};

td_status tdi_receiver_open(td_model *model, const char *cut, const char *strategy,
                            const td_half_settings *settings, tdi_receiver **out, td_error *err) {
    tdi_receiver *receiver = tdi_calloc(1, sizeof *receiver);
    if (!receiver)
        return tdi_fail_memory(err);
    td_status status = tdi_coder_open(model, cut, strategy, &receiver->coder, err);
    if (status || (status = td_tail_open(model, cut, settings, &receiver->tail, err)))
        goto fail;
    size_t count = td_tail_output_count(receiver->tail);
    receiver->outputs = tdi_calloc(count, sizeof *receiver->outputs);
    receiver->output_elements = tdi_calloc(count, sizeof *receiver->output_elements);
    if (!receiver->outputs || !receiver->output_elements) {
        status = tdi_fail_memory(err);
        goto fail;
    }
    for (size_t i = 0; i < count; i++)
        receiver->output_elements[i] = (size_t)td_tail_output_elements(receiver->tail, i);
    *out = receiver;
    return TD_OK;
fail:
    tdi_receiver_close(receiver);
    return status;
}

void tdi_receiver_close(tdi_receiver *receiver) {
    if (!receiver)
        return;
    td_tail_close(receiver->tail);
    tdi_coder_close(receiver->coder);
    tdi_free(receiver->outputs);
    tdi_free(receiver->output_elements);
    tdi_free(receiver);
}

const tdi_coder *tdi_receiver_coder(const tdi_receiver *receiver) {
    return receiver->coder;
}

td_status tdi_receiver_frame(tdi_receiver *receiver, const uint8_t *bytes, size_t size,
                             const uint32_t *sizes, size_t size_count, tdi_received *out,
                             td_error *err) {
    const void *features[TDI_CUT_TENSORS_MAX];
    td_time begin = tdi_now();
    TD_TRY(tdi_coder_decode(receiver->coder, bytes, size, sizes, size_count, features, err));
    td_time decoded = tdi_now();
    TD_TRY(td_tail_run(receiver->tail, features, receiver->outputs, err));
    out->outputs = receiver->outputs;
    out->output_elements = receiver->output_elements;
    out->output_count = td_tail_output_count(receiver->tail);
    out->es = decoded - begin;
    out->is = tdi_now() - decoded;
    return TD_OK;
}
