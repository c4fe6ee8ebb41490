/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's half of a frame: fit, head, quantize, encode; with the terms Ic and Ec.
 */
#include "base/clock.h"
#include "pipeline/model.h"

struct tdi_sender {
    td_head *head;
    tdi_coder *coder;
    uint8_t *bytes;
    uint32_t sizes[TDI_CUT_TENSORS_MAX];
};

td_status tdi_sender_open(td_model *model, const char *cut, const char *strategy,
                          const td_half_settings *settings, tdi_sender **out, td_error *err) {
    tdi_sender *sender = tdi_calloc(1, sizeof *sender);
    if (!sender)
        return tdi_fail_memory(err);
    td_status status = tdi_coder_open(model, cut, strategy, &sender->coder, err);
    if (status || (status = td_head_open(model, cut, settings, &sender->head, err)))
        goto fail;
    sender->bytes = tdi_malloc(tdi_coder_bound(sender->coder));
    if (!sender->bytes) {
        status = tdi_fail_memory(err);
        goto fail;
    }
    *out = sender;
    return TD_OK;
fail:
    tdi_sender_close(sender);
    return status;
}

void tdi_sender_close(tdi_sender *sender) {
    if (!sender)
        return;
    td_head_close(sender->head);
    tdi_coder_close(sender->coder);
    tdi_free(sender->bytes);
    tdi_free(sender);
}

const tdi_coder *tdi_sender_coder(const tdi_sender *sender) {
    return sender->coder;
}

td_status tdi_sender_frame(tdi_sender *sender, const td_picture *picture, tdi_sent *out,
                           td_error *err) {
    const void *features[TDI_CUT_TENSORS_MAX];
    size_t written = 0;
    td_time begin = tdi_now();
    TD_TRY(td_head_run(sender->head, picture, features, err));
    td_time computed = tdi_now();
    TD_TRY(tdi_coder_encode(sender->coder, features, sender->bytes, tdi_coder_bound(sender->coder),
                            sender->sizes, &written, err));
    out->bytes = sender->bytes;
    out->size = written;
    out->sizes = sender->sizes;
    out->tensor_count = tdi_coder_tensor_count(sender->coder);
    out->ic = computed - begin;
    out->ec = tdi_now() - computed;
    return TD_OK;
}
