/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to bytes: plain structs into the generated ones, which protobuf-c packs.
 */
#include <string.h>

#include "base/status.h"
#include "tandem.pb-c.h"
#include "wire/message.h"

/* What encoding one message needs at hand; `failed` sticks. */
typedef struct encoder {
    tdi_scratch *scratch;
    td_error *err;
    td_status failed;
    const char *message;
} encoder;

/* protobuf-c's structs want strings that are not const; packing does not write to them. */
static char *plain(const char *text) {
    union {
        const char *in;
        char *out;
    } u = {text};
    return u.out;
}

static char *name_field(encoder *e, const char *text, size_t max, const char *field) {
    size_t size = strlen(text);
    if (size > max && e->failed == TD_OK)
        e->failed = tdi_fail(e->err, TD_LIMIT, "%s: %s has %zu bytes, at most %zu are allowed",
                             e->message, field, size, max);
    return plain(text);
}

/* A text for people: cut between two characters (UTF-8) where it is too long. */
static char *text_field(encoder *e, const char *text, size_t max) {
    size_t size = strlen(text);
    if (size <= max)
        return plain(text);
    size = max;
    while (size && ((uint8_t)text[size] & 0xc0) == 0x80)
        size--;
    char *copy = tdi_scratch_alloc(e->scratch, size + 1, 1);
    if (!copy) {
        e->failed = tdi_fail_memory(e->err);
        return plain("");
    }
    memcpy(copy, text, size);
    return copy;
}

static ProtobufCBinaryData hash_field(const tdi_hash *hash) {
    static const tdi_hash none;
    ProtobufCBinaryData data = {0, NULL};
    if (!tdi_hash_equal(hash, &none)) {
        union {
            const uint8_t *in;
            uint8_t *out;
        } u = {hash->bytes};
        data.len = TDI_HASH_BYTES;
        data.data = u.out;
    }
    return data;
}

static Tandem__Code code_field(td_status status) {
    return (Tandem__Code)(-(int)status);
}

/* Header and packed control part. */
static td_status finish(encoder *e, const ProtobufCMessage *control, tdi_message_type type,
                        size_t payload_bytes, uint8_t *out, size_t out_bytes, size_t *written) {
    if (e->failed != TD_OK)
        return e->failed;
    size_t size = protobuf_c_message_get_packed_size(control);
    if (size > tdi_message_control_max(type) || payload_bytes > tdi_message_payload_max(type))
        return tdi_fail(e->err, TD_LIMIT, "%s: %zu and %zu bytes are above the limits %u and %u",
                        e->message, size, payload_bytes, tdi_message_control_max(type),
                        tdi_message_payload_max(type));
    if (out_bytes < TDI_HEADER_BYTES || size > out_bytes - TDI_HEADER_BYTES)
        return tdi_fail(e->err, TD_LIMIT, "%s: no room for %zu bytes", e->message, size);
    tdi_header header = {type, (uint32_t)size, (uint32_t)payload_bytes};
    tdi_header_encode(&header, out);
    *written = TDI_HEADER_BYTES + protobuf_c_message_pack(control, out + TDI_HEADER_BYTES);
    return TD_OK;
}

typedef union control_part {
    ProtobufCMessage base;
    Tandem__Hello hello;
    Tandem__HelloAck hello_ack;
    Tandem__ModelSwitchRequest switch_request;
    Tandem__ModelReadyResponse ready;
    Tandem__Frame frame;
    Tandem__ConfirmationResponse confirm;
    Tandem__ResultResponse result;
    Tandem__Drop drop;
    Tandem__Error error;
    Tandem__Ping ping;
    Tandem__Pong pong;
    Tandem__BundleRequest bundle_request;
    Tandem__BundleResponse bundle_response;
} control_part;

static void fill_switch(encoder *e, const tdi_switch *m, Tandem__ModelSwitchRequest *p) {
    tandem__model_switch_request__init(p);
    p->switch_id = m->switch_id;
    p->model = name_field(e, m->model, TDI_MODEL_BYTES, "model");
    p->model_hash = hash_field(&m->model_hash);
    p->recipe = name_field(e, m->recipe, TDI_RECIPE_BYTES, "recipe");
    p->cut = name_field(e, m->cut, TDI_CUT_BYTES, "cut");
    p->strategy = name_field(e, m->strategy, TDI_STRATEGY_BYTES, "strategy");
    p->calibration_hash = hash_field(&m->calibration_hash);
    p->top = m->top;
    p->raw_outputs = m->raw_outputs != 0;
}

static void fill_frame(encoder *e, const tdi_frame *m, Tandem__Frame *p) {
    tandem__frame__init(p);
    p->frame_id = m->frame_id;
    p->switch_id = m->switch_id;
    p->sizes = tdi_scratch_alloc(e->scratch, m->size_count, sizeof *p->sizes);
    if (!p->sizes) {
        e->failed = tdi_fail_memory(e->err);
        return;
    }
    memcpy(p->sizes, m->sizes, m->size_count * sizeof *p->sizes);
    p->n_sizes = m->size_count;
}

static void fill_result(encoder *e, const tdi_result *m, Tandem__ResultResponse *p) {
    tandem__result_response__init(p);
    p->frame_id = m->frame_id;
    p->queue_ns = (uint64_t)m->queue;
    p->decode_ns = (uint64_t)m->es;
    p->tail_ns = (uint64_t)m->is;
    Tandem__Prediction *rows = tdi_scratch_alloc(e->scratch, m->prediction_count, sizeof *rows);
    p->predictions = tdi_scratch_alloc(e->scratch, m->prediction_count, sizeof *p->predictions);
    p->output_elements = tdi_scratch_alloc(e->scratch, m->output_count, sizeof *p->output_elements);
    if (!rows || !p->predictions || !p->output_elements) {
        e->failed = tdi_fail_memory(e->err);
        return;
    }
    for (size_t i = 0; i < m->prediction_count; i++) {
        const tdi_scored *from = &m->predictions[i];
        tandem__prediction__init(&rows[i]);
        rows[i].index = from->index;
        rows[i].score = from->score;
        rows[i].id = text_field(e, from->id, TDI_LABEL_ID_BYTES);
        rows[i].name = text_field(e, from->name, TDI_LABEL_BYTES);
        rows[i].description = text_field(e, from->description, TDI_LABEL_BYTES);
        p->predictions[i] = &rows[i];
    }
    p->n_predictions = m->prediction_count;
    for (size_t i = 0; i < m->output_count; i++)
        p->output_elements[i] = m->output_elements[i];
    p->n_output_elements = m->output_count;
}

static void fill(encoder *e, const tdi_message *m, control_part *p) {
    switch (m->type) {
    case TDI_MESSAGE_HELLO:
        tandem__hello__init(&p->hello);
        p->hello.version_min = m->hello.version_min;
        p->hello.version_max = m->hello.version_max;
        p->hello.software = text_field(e, m->hello.software, TDI_SOFTWARE_BYTES);
        p->hello.silence_ms = m->hello.silence_ms;
        break;
    case TDI_MESSAGE_HELLO_ACK:
        tandem__hello_ack__init(&p->hello_ack);
        p->hello_ack.version = m->hello_ack.version;
        p->hello_ack.software = text_field(e, m->hello_ack.software, TDI_SOFTWARE_BYTES);
        p->hello_ack.silence_ms = m->hello_ack.silence_ms;
        break;
    case TDI_MESSAGE_SWITCH:
        fill_switch(e, &m->switch_request, &p->switch_request);
        break;
    case TDI_MESSAGE_READY:
        tandem__model_ready_response__init(&p->ready);
        p->ready.switch_id = m->ready.switch_id;
        p->ready.code = code_field(m->ready.status);
        p->ready.text = text_field(e, m->ready.reason, TDI_REASON_BYTES);
        p->ready.strategy = name_field(e, m->ready.strategy, TDI_STRATEGY_BYTES, "strategy");
        p->ready.frame_bytes_max = m->ready.frame_bytes_max;
        break;
    case TDI_MESSAGE_FRAME:
        fill_frame(e, &m->frame, &p->frame);
        break;
    case TDI_MESSAGE_CONFIRM:
        tandem__confirmation_response__init(&p->confirm);
        p->confirm.frame_id = m->confirm.frame_id;
        p->confirm.bytes = m->confirm.bytes;
        break;
    case TDI_MESSAGE_RESULT:
        fill_result(e, &m->result, &p->result);
        break;
    case TDI_MESSAGE_DROP:
        tandem__drop__init(&p->drop);
        p->drop.frame_id = m->drop.frame_id;
        p->drop.code = code_field(m->drop.status);
        p->drop.text = text_field(e, m->drop.reason, TDI_REASON_BYTES);
        break;
    case TDI_MESSAGE_ERROR:
        tandem__error__init(&p->error);
        p->error.code = code_field(m->error.status);
        p->error.text = text_field(e, m->error.reason, TDI_REASON_BYTES);
        break;
    case TDI_MESSAGE_PING:
        tandem__ping__init(&p->ping);
        p->ping.ping_id = m->ping.ping_id;
        break;
    case TDI_MESSAGE_PONG:
        tandem__pong__init(&p->pong);
        p->pong.ping_id = m->ping.ping_id;
        break;
    case TDI_MESSAGE_BUNDLE_REQUEST:
        tandem__bundle_request__init(&p->bundle_request);
        p->bundle_request.request_id = m->bundle_request.request_id;
        p->bundle_request.model = name_field(e, m->bundle_request.model, TDI_MODEL_BYTES, "model");
        p->bundle_request.path = name_field(e, m->bundle_request.path, TDI_PATH_BYTES, "path");
        p->bundle_request.offset = m->bundle_request.offset;
        p->bundle_request.length = m->bundle_request.length;
        break;
    case TDI_MESSAGE_BUNDLE_RESPONSE:
        tandem__bundle_response__init(&p->bundle_response);
        p->bundle_response.request_id = m->bundle_response.request_id;
        p->bundle_response.code = code_field(m->bundle_response.status);
        p->bundle_response.text = text_field(e, m->bundle_response.reason, TDI_REASON_BYTES);
        p->bundle_response.total = m->bundle_response.total;
        break;
    case TDI_MESSAGE_END:
        break;
    }
}

td_status tdi_message_encode(const tdi_message *message, size_t payload_bytes, tdi_scratch *scratch,
                             uint8_t *out, size_t out_bytes, size_t *written, td_error *err) {
    encoder e = {scratch, err, TD_OK, tdi_message_name((uint32_t)message->type)};
    control_part part;
    if (message->type <= 0 || message->type >= TDI_MESSAGE_END)
        return tdi_fail(err, TD_ARGUMENT, "there is no message type %d", (int)message->type);
    size_t mark = scratch->used;
    fill(&e, message, &part);
    td_status status = finish(&e, &part.base, message->type, payload_bytes, out, out_bytes,
                              written);
    scratch->used = mark;
    return status;
}
