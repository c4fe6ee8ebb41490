/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message of every type with every field set, and how two of them compare.
 */
#ifndef TDT_WIRE_SAMPLES_H
#define TDT_WIRE_SAMPLES_H

#include <support.h>

#include "wire/message.h"

typedef struct sample {
    tdi_message message;
    size_t payload_bytes;
} sample;

#define SAMPLE_COUNT (TDI_MESSAGE_END - 1)

static const uint32_t sample_sizes[] = {3, 0, 300};
static const uint64_t sample_elements[] = {10, 2};
static const tdi_scored sample_predictions[] = {
    {7, 0.75f, "n01440764", "tench", "Tinca tinca"},
    {2, 0.125f, "", "goldfish", ""},
};

/* Sample of type `type`. */
static inline sample sample_of(uint32_t type) {
    sample s = {{.type = (tdi_message_type)type}, 0};
    tdi_message *m = &s.message;
    switch (m->type) {
    case TDI_MESSAGE_HELLO:
        m->hello = (tdi_hello){1, 3, "camera 1.0", 2000};
        break;
    case TDI_MESSAGE_HELLO_ACK:
        m->hello_ack = (tdi_hello_ack){1, "server", 30000};
        break;
    case TDI_MESSAGE_SWITCH:
        m->switch_request = (tdi_switch){
            5, "fashion", {{1, 2, 3}}, "color=rgb", "a,b", "raw", {{9, 8}}, 5, 1};
        break;
    case TDI_MESSAGE_READY:
        m->ready = (tdi_ready){5, TD_CUT, "no such cut", "uniform:levels=256,clip=3+pack", 70000};
        break;
    case TDI_MESSAGE_FRAME:
        m->frame = (tdi_frame){12, 5, sample_sizes, 3};
        s.payload_bytes = 303;
        break;
    case TDI_MESSAGE_CONFIRM:
        m->confirm = (tdi_confirm){12, 303};
        break;
    case TDI_MESSAGE_RESULT:
        m->result = (tdi_result){12, 1000, 20000, 300000, sample_predictions, 2, sample_elements,
                                 2};
        s.payload_bytes = 48;
        break;
    case TDI_MESSAGE_DROP:
        m->drop = (tdi_drop){12, TD_BUSY, "the queue is full"};
        break;
    case TDI_MESSAGE_ERROR:
        m->error = (tdi_error_message){TD_VERSION, "versions 1 to 1"};
        break;
    case TDI_MESSAGE_PING:
    case TDI_MESSAGE_PONG:
        m->ping = (tdi_ping){77};
        break;
    case TDI_MESSAGE_BUNDLE_REQUEST:
        m->bundle_request = (tdi_bundle_request){4, "fashion", "model.onnx", 1000, 65536};
        break;
    case TDI_MESSAGE_BUNDLE_RESPONSE:
        m->bundle_response = (tdi_bundle_response){4, TD_NOT_FOUND, "no such file", 123456};
        s.payload_bytes = 20;
        break;
    case TDI_MESSAGE_END:
        break;
    }
    return s;
}

static inline void assert_predictions_equal(const tdi_result *a, const tdi_result *b) {
    assert_int_equal(a->prediction_count, b->prediction_count);
    for (size_t i = 0; i < a->prediction_count; i++) {
        assert_int_equal(a->predictions[i].index, b->predictions[i].index);
        assert_memory_equal(&a->predictions[i].score, &b->predictions[i].score, sizeof(float));
        assert_string_equal(a->predictions[i].id, b->predictions[i].id);
        assert_string_equal(a->predictions[i].name, b->predictions[i].name);
        assert_string_equal(a->predictions[i].description, b->predictions[i].description);
    }
}

static inline void assert_messages_equal(const tdi_message *a, const tdi_message *b) {
    assert_int_equal(a->type, b->type);
    switch (a->type) {
    case TDI_MESSAGE_HELLO:
        assert_int_equal(a->hello.version_min, b->hello.version_min);
        assert_int_equal(a->hello.version_max, b->hello.version_max);
        assert_string_equal(a->hello.software, b->hello.software);
        assert_int_equal(a->hello.silence_ms, b->hello.silence_ms);
        break;
    case TDI_MESSAGE_HELLO_ACK:
        assert_int_equal(a->hello_ack.version, b->hello_ack.version);
        assert_string_equal(a->hello_ack.software, b->hello_ack.software);
        assert_int_equal(a->hello_ack.silence_ms, b->hello_ack.silence_ms);
        break;
    case TDI_MESSAGE_SWITCH:
        assert_int_equal(a->switch_request.switch_id, b->switch_request.switch_id);
        assert_string_equal(a->switch_request.model, b->switch_request.model);
        assert_true(tdi_hash_equal(&a->switch_request.model_hash, &b->switch_request.model_hash));
        assert_string_equal(a->switch_request.recipe, b->switch_request.recipe);
        assert_string_equal(a->switch_request.cut, b->switch_request.cut);
        assert_string_equal(a->switch_request.strategy, b->switch_request.strategy);
        assert_true(tdi_hash_equal(&a->switch_request.calibration_hash,
                                   &b->switch_request.calibration_hash));
        assert_int_equal(a->switch_request.top, b->switch_request.top);
        assert_int_equal(a->switch_request.raw_outputs, b->switch_request.raw_outputs);
        break;
    case TDI_MESSAGE_READY:
        assert_int_equal(a->ready.switch_id, b->ready.switch_id);
        assert_int_equal(a->ready.status, b->ready.status);
        assert_string_equal(a->ready.reason, b->ready.reason);
        assert_string_equal(a->ready.strategy, b->ready.strategy);
        assert_int_equal(a->ready.frame_bytes_max, b->ready.frame_bytes_max);
        break;
    case TDI_MESSAGE_FRAME:
        assert_int_equal(a->frame.frame_id, b->frame.frame_id);
        assert_int_equal(a->frame.switch_id, b->frame.switch_id);
        assert_int_equal(a->frame.size_count, b->frame.size_count);
        assert_memory_equal(a->frame.sizes, b->frame.sizes, a->frame.size_count * sizeof(uint32_t));
        break;
    case TDI_MESSAGE_CONFIRM:
        assert_int_equal(a->confirm.frame_id, b->confirm.frame_id);
        assert_int_equal(a->confirm.bytes, b->confirm.bytes);
        break;
    case TDI_MESSAGE_RESULT:
        assert_int_equal(a->result.frame_id, b->result.frame_id);
        assert_int_equal(a->result.queue, b->result.queue);
        assert_int_equal(a->result.es, b->result.es);
        assert_int_equal(a->result.is, b->result.is);
        assert_predictions_equal(&a->result, &b->result);
        assert_int_equal(a->result.output_count, b->result.output_count);
        assert_memory_equal(a->result.output_elements, b->result.output_elements,
                            a->result.output_count * sizeof(uint64_t));
        break;
    case TDI_MESSAGE_DROP:
        assert_int_equal(a->drop.frame_id, b->drop.frame_id);
        assert_int_equal(a->drop.status, b->drop.status);
        assert_string_equal(a->drop.reason, b->drop.reason);
        break;
    case TDI_MESSAGE_ERROR:
        assert_int_equal(a->error.status, b->error.status);
        assert_string_equal(a->error.reason, b->error.reason);
        break;
    case TDI_MESSAGE_PING:
    case TDI_MESSAGE_PONG:
        assert_int_equal(a->ping.ping_id, b->ping.ping_id);
        break;
    case TDI_MESSAGE_BUNDLE_REQUEST:
        assert_int_equal(a->bundle_request.request_id, b->bundle_request.request_id);
        assert_string_equal(a->bundle_request.model, b->bundle_request.model);
        assert_string_equal(a->bundle_request.path, b->bundle_request.path);
        assert_int_equal(a->bundle_request.offset, b->bundle_request.offset);
        assert_int_equal(a->bundle_request.length, b->bundle_request.length);
        break;
    case TDI_MESSAGE_BUNDLE_RESPONSE:
        assert_int_equal(a->bundle_response.request_id, b->bundle_response.request_id);
        assert_int_equal(a->bundle_response.status, b->bundle_response.status);
        assert_string_equal(a->bundle_response.reason, b->bundle_response.reason);
        assert_int_equal(a->bundle_response.total, b->bundle_response.total);
        break;
    case TDI_MESSAGE_END:
        fail();
    }
}

#endif
