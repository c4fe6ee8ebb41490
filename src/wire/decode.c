/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to messages: protobuf-c unpacks into the scratch memory, then every field is checked and
 * handed on in a plain struct.
 */
#include <string.h>

#include "base/status.h"
#include "tandem.pb-c.h"
#include "wire/message.h"

static void *scratch_alloc(void *user, size_t size) {
    return tdi_scratch_alloc(user, 1, size);
}
static void scratch_free(void *user, void *ptr) {
    (void)user;
    (void)ptr;
}

/* Checks of one message; the first failure sticks. */
typedef struct decoder {
    const tdi_header *header;
    tdi_scratch *scratch;
    td_error *err;
    td_status failed;
} decoder;

static void refuse(decoder *d, td_status status, const char *field, const char *what) {
    if (d->failed == TD_OK)
        d->failed = tdi_fail(d->err, status, "%s: %s %s", tdi_message_name(d->header->type), field,
                             what);
}

/*
 * A string within its limit, control characters replaced: it may end up on somebody's terminal.
 * protobuf-c ends strings with NUL, so that one with a NUL inside is seen up to there.
 */
static const char *text_field(decoder *d, char *text, size_t max, const char *field) {
    size_t size = strlen(text);
    if (size > max)
        refuse(d, TD_LIMIT, field, "is too long");
    for (size_t i = 0; i < size; i++)
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
    return text;
}

static uint64_t id_field(decoder *d, uint64_t id, const char *field) {
    if (!id)
        refuse(d, TD_PROTOCOL, field, "is 0");
    return id;
}

static uint32_t silence_field(decoder *d, uint32_t ms) {
    if (ms < 1 || ms > TDI_SILENCE_MS_MAX)
        refuse(d, TD_PROTOCOL, "silence_ms", "is not within 1..3600000");
    return ms;
}

static tdi_hash hash_field(decoder *d, const ProtobufCBinaryData *data, const char *field) {
    tdi_hash hash = {{0}};
    if (data->len == TDI_HASH_BYTES)
        memcpy(hash.bytes, data->data, TDI_HASH_BYTES);
    else if (data->len)
        refuse(d, TD_PROTOCOL, field, "has neither 0 nor 32 bytes");
    return hash;
}

static td_status code_field(Tandem__Code code) {
    switch (-(int)code) {
#define CODE_CASE(name, value, text) case value:
        TD_STATUS_MAP(CODE_CASE)
#undef CODE_CASE
        return (td_status)(-(int)code);
    default:
        return TD_PROTOCOL;
    }
}

static td_status failure_field(Tandem__Code code) {
    td_status status = code_field(code);
    return status == TD_OK ? TD_PROTOCOL : status;
}

static td_duration duration_field(decoder *d, uint64_t ns, const char *field) {
    if (ns > INT64_MAX)
        refuse(d, TD_PROTOCOL, field, "is above 2^63 - 1");
    return (td_duration)ns;
}

static void read_hello(decoder *d, const Tandem__Hello *p, tdi_hello *m) {
    m->version_min = p->version_min;
    m->version_max = p->version_max;
    m->software = text_field(d, p->software, TDI_SOFTWARE_BYTES, "software");
    m->silence_ms = silence_field(d, p->silence_ms);
    if (!p->version_min || p->version_min > p->version_max)
        refuse(d, TD_PROTOCOL, "version_min", "is 0 or above version_max");
}

static void read_hello_ack(decoder *d, const Tandem__HelloAck *p, tdi_hello_ack *m) {
    m->version = p->version;
    m->software = text_field(d, p->software, TDI_SOFTWARE_BYTES, "software");
    m->silence_ms = silence_field(d, p->silence_ms);
}

static void read_switch(decoder *d, const Tandem__ModelSwitchRequest *p, tdi_switch *m) {
    m->switch_id = id_field(d, p->switch_id, "switch_id");
    m->model = text_field(d, p->model, TDI_MODEL_BYTES, "model");
    m->model_hash = hash_field(d, &p->model_hash, "model_hash");
    m->recipe = text_field(d, p->recipe, TDI_RECIPE_BYTES, "recipe");
    m->cut = text_field(d, p->cut, TDI_CUT_BYTES, "cut");
    m->strategy = text_field(d, p->strategy, TDI_STRATEGY_BYTES, "strategy");
    m->calibration_hash = hash_field(d, &p->calibration_hash, "calibration_hash");
    m->top = p->top;
    m->raw_outputs = p->raw_outputs != 0;
    if (p->top > TDI_PREDICTIONS_MAX)
        refuse(d, TD_PROTOCOL, "top", "is above 100");
}

static void read_ready(decoder *d, const Tandem__ModelReadyResponse *p, tdi_ready *m) {
    m->switch_id = id_field(d, p->switch_id, "switch_id");
    m->status = code_field(p->code);
    m->reason = text_field(d, p->text, TDI_REASON_BYTES, "text");
    m->strategy = text_field(d, p->strategy, TDI_STRATEGY_BYTES, "strategy");
    m->frame_bytes_max = p->frame_bytes_max;
    if (p->frame_bytes_max > TDI_FRAME_BYTES_MAX)
        refuse(d, TD_PROTOCOL, "frame_bytes_max", "is above 67108864");
}

static void read_frame(decoder *d, const Tandem__Frame *p, tdi_frame *m) {
    m->frame_id = id_field(d, p->frame_id, "frame_id");
    m->switch_id = id_field(d, p->switch_id, "switch_id");
    m->sizes = p->sizes;
    m->size_count = p->n_sizes;
    if (!p->n_sizes || p->n_sizes > TDI_SIZES_MAX)
        refuse(d, TD_PROTOCOL, "sizes", "are not 1..32 numbers");
    uint32_t left = d->header->payload_bytes;
    for (size_t i = 0; i < p->n_sizes; i++) {
        if (p->sizes[i] > left) {
            refuse(d, TD_PROTOCOL, "sizes", "add up to more than the payload");
            return;
        }
        left -= p->sizes[i];
    }
    if (left)
        refuse(d, TD_PROTOCOL, "sizes", "add up to less than the payload");
}

static void read_outputs(decoder *d, const Tandem__ResultResponse *p, tdi_result *m) {
    m->output_elements = p->output_elements;
    m->output_count = p->n_output_elements;
    if (p->n_output_elements > TDI_OUTPUTS_MAX)
        refuse(d, TD_PROTOCOL, "output_elements", "are more than 32 numbers");
    uint64_t left = d->header->payload_bytes;
    for (size_t i = 0; i < p->n_output_elements; i++) {
        if (p->output_elements[i] > left / sizeof(float)) {
            refuse(d, TD_PROTOCOL, "output_elements", "add up to more than the payload");
            return;
        }
        left -= p->output_elements[i] * sizeof(float);
    }
    if (left)
        refuse(d, TD_PROTOCOL, "output_elements", "add up to less than the payload");
}

static void read_result(decoder *d, const Tandem__ResultResponse *p, tdi_result *m) {
    m->frame_id = id_field(d, p->frame_id, "frame_id");
    m->queue = duration_field(d, p->queue_ns, "queue_ns");
    m->es = duration_field(d, p->decode_ns, "decode_ns");
    m->is = duration_field(d, p->tail_ns, "tail_ns");
    read_outputs(d, p, m);
    if (p->n_predictions > TDI_PREDICTIONS_MAX) {
        refuse(d, TD_PROTOCOL, "predictions", "are more than 100");
        return;
    }
    tdi_scored *rows = tdi_scratch_alloc(d->scratch, p->n_predictions, sizeof *rows);
    if (!rows) {
        refuse(d, TD_LIMIT, "predictions", "take too much memory");
        return;
    }
    for (size_t i = 0; i < p->n_predictions; i++) {
        const Tandem__Prediction *from = p->predictions[i];
        rows[i].index = from->index;
        rows[i].score = from->score;
        rows[i].id = text_field(d, from->id, TDI_LABEL_ID_BYTES, "id");
        rows[i].name = text_field(d, from->name, TDI_LABEL_BYTES, "name");
        rows[i].description = text_field(d, from->description, TDI_LABEL_BYTES, "description");
        if (from->index > INT32_MAX)
            refuse(d, TD_PROTOCOL, "index", "is above 2^31 - 1");
    }
    m->predictions = rows;
    m->prediction_count = p->n_predictions;
}

static void read_bundle_request(decoder *d, const Tandem__BundleRequest *p, tdi_bundle_request *m) {
    m->request_id = id_field(d, p->request_id, "request_id");
    m->model = text_field(d, p->model, TDI_MODEL_BYTES, "model");
    m->path = text_field(d, p->path, TDI_PATH_BYTES, "path");
    m->offset = p->offset;
    m->length = p->length;
    if (p->offset > INT64_MAX)
        refuse(d, TD_PROTOCOL, "offset", "is above 2^63 - 1");
    if (!p->length || p->length > TDI_CHUNK_BYTES_MAX)
        refuse(d, TD_PROTOCOL, "length", "is not within 1..262144");
}

static void read_bundle_response(decoder *d, const Tandem__BundleResponse *p,
                                 tdi_bundle_response *m) {
    m->request_id = id_field(d, p->request_id, "request_id");
    m->status = code_field(p->code);
    m->reason = text_field(d, p->text, TDI_REASON_BYTES, "text");
    m->total = p->total;
    if (p->total > INT64_MAX)
        refuse(d, TD_PROTOCOL, "total", "is above 2^63 - 1");
}

static void read_fields(decoder *d, const void *part, tdi_message *out) {
    switch (d->header->type) {
    case TDI_MESSAGE_HELLO:
        read_hello(d, part, &out->hello);
        break;
    case TDI_MESSAGE_HELLO_ACK:
        read_hello_ack(d, part, &out->hello_ack);
        break;
    case TDI_MESSAGE_SWITCH:
        read_switch(d, part, &out->switch_request);
        break;
    case TDI_MESSAGE_READY:
        read_ready(d, part, &out->ready);
        break;
    case TDI_MESSAGE_FRAME:
        read_frame(d, part, &out->frame);
        break;
    case TDI_MESSAGE_CONFIRM: {
        const Tandem__ConfirmationResponse *p = part;
        out->confirm.frame_id = id_field(d, p->frame_id, "frame_id");
        out->confirm.bytes = p->bytes;
        break;
    }
    case TDI_MESSAGE_RESULT:
        read_result(d, part, &out->result);
        break;
    case TDI_MESSAGE_DROP: {
        const Tandem__Drop *p = part;
        out->drop.frame_id = id_field(d, p->frame_id, "frame_id");
        out->drop.status = failure_field(p->code);
        out->drop.reason = text_field(d, p->text, TDI_REASON_BYTES, "text");
        break;
    }
    case TDI_MESSAGE_ERROR: {
        const Tandem__Error *p = part;
        out->error.status = failure_field(p->code);
        out->error.reason = text_field(d, p->text, TDI_REASON_BYTES, "text");
        break;
    }
    case TDI_MESSAGE_PING:
        out->ping.ping_id = ((const Tandem__Ping *)part)->ping_id;
        break;
    case TDI_MESSAGE_PONG:
        out->ping.ping_id = ((const Tandem__Pong *)part)->ping_id;
        break;
    case TDI_MESSAGE_BUNDLE_REQUEST:
        read_bundle_request(d, part, &out->bundle_request);
        break;
    case TDI_MESSAGE_BUNDLE_RESPONSE:
        read_bundle_response(d, part, &out->bundle_response);
        break;
    case TDI_MESSAGE_END:
        break;
    }
}

static const ProtobufCMessageDescriptor *descriptor(tdi_message_type type) {
    static const ProtobufCMessageDescriptor *const table[TDI_MESSAGE_END] = {
        [TDI_MESSAGE_HELLO] = &tandem__hello__descriptor,
        [TDI_MESSAGE_HELLO_ACK] = &tandem__hello_ack__descriptor,
        [TDI_MESSAGE_SWITCH] = &tandem__model_switch_request__descriptor,
        [TDI_MESSAGE_READY] = &tandem__model_ready_response__descriptor,
        [TDI_MESSAGE_FRAME] = &tandem__frame__descriptor,
        [TDI_MESSAGE_CONFIRM] = &tandem__confirmation_response__descriptor,
        [TDI_MESSAGE_RESULT] = &tandem__result_response__descriptor,
        [TDI_MESSAGE_DROP] = &tandem__drop__descriptor,
        [TDI_MESSAGE_ERROR] = &tandem__error__descriptor,
        [TDI_MESSAGE_PING] = &tandem__ping__descriptor,
        [TDI_MESSAGE_PONG] = &tandem__pong__descriptor,
        [TDI_MESSAGE_BUNDLE_REQUEST] = &tandem__bundle_request__descriptor,
        [TDI_MESSAGE_BUNDLE_RESPONSE] = &tandem__bundle_response__descriptor,
    };
    return table[type];
}

td_status tdi_message_decode(const tdi_header *header, const uint8_t *control, tdi_scratch *scratch,
                             tdi_message *out, td_error *err) {
    ProtobufCAllocator allocator = {scratch_alloc, scratch_free, scratch};
    decoder d = {header, scratch, err, TD_OK};
    tdi_scratch_empty(scratch);
    memset(out, 0, sizeof *out);
    const void *part = protobuf_c_message_unpack(descriptor(header->type), &allocator,
                                                 header->control_bytes, control);
    if (!part)
        return tdi_fail(err, TD_FORMAT, "%s: the control part (%u bytes) cannot be read",
                        tdi_message_name(header->type), header->control_bytes);
    out->type = header->type;
    read_fields(&d, part, out);
    return d.failed;
}
