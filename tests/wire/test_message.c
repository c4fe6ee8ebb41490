/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to bytes and back, and what is refused on either way.
 */
#include "samples.h"

#include "base/memory.h"

typedef struct bench {
    tdi_scratch scratch, other;
    uint8_t bytes[TDI_MESSAGE_BYTES_MAX];
} bench;

static int setup(void **state) {
    bench *b = calloc(1, sizeof *b);
    assert_int_equal(tdi_scratch_init(&b->scratch, TDI_SCRATCH_BYTES), 0);
    assert_int_equal(tdi_scratch_init(&b->other, TDI_SCRATCH_BYTES), 0);
    *state = b;
    return 0;
}

static int teardown(void **state) {
    bench *b = *state;
    tdi_scratch_fini(&b->scratch);
    tdi_scratch_fini(&b->other);
    free(b);
    return 0;
}

static size_t encode(bench *b, const sample *s) {
    td_error error = {0};
    size_t size = 0;
    td_status status = tdi_message_encode(&s->message, s->payload_bytes, &b->scratch, b->bytes,
                                          sizeof b->bytes, &size, &error);
    if (status != TD_OK)
        fail_msg("%s: %s", tdi_message_name((uint32_t)s->message.type), error.message);
    return size;
}

static td_status decode(bench *b, const tdi_header *header, const uint8_t *control,
                        tdi_message *out) {
    td_error error = {0};
    td_status status = tdi_message_decode(header, control, &b->other, out, &error);
    assert_true((status == TD_OK) == (error.message[0] == 0));
    return status;
}

/* Decodes a control part in a heap block of exactly its size, so that a sanitizer sees a read past
 * it. */
static td_status decode_exact(bench *b, tdi_header header, const uint8_t *control,
                              tdi_message *out) {
    uint8_t *copy = malloc(header.control_bytes ? header.control_bytes : 1);
    memcpy(copy, control, header.control_bytes);
    td_status status = decode(b, &header, copy, out);
    free(copy);
    return status;
}

static void every_message_comes_back_as_it_went(void **state) {
    bench *b = *state;
    for (uint32_t type = 1; type < TDI_MESSAGE_END; type++) {
        sample s = sample_of(type);
        size_t size = encode(b, &s);
        tdi_header header;
        tdi_message back;
        assert_int_equal(tdi_header_decode(b->bytes, &header, NULL), TD_OK);
        assert_int_equal(header.type, type);
        assert_int_equal(header.control_bytes, size - TDI_HEADER_BYTES);
        assert_int_equal(header.payload_bytes, s.payload_bytes);
        assert_int_equal(decode(b, &header, b->bytes + TDI_HEADER_BYTES, &back), TD_OK);
        assert_messages_equal(&s.message, &back);
    }
}

/* A prefix of a control part is another control part or none; it must never be read past its end.
 */
static void every_truncation_is_safe(void **state) {
    bench *b = *state;
    for (uint32_t type = 1; type < TDI_MESSAGE_END; type++) {
        sample s = sample_of(type);
        size_t size = encode(b, &s) - TDI_HEADER_BYTES, refused = 0;
        for (size_t n = 0; n < size; n++) {
            tdi_header header = {(tdi_message_type)type, (uint32_t)n, (uint32_t)s.payload_bytes};
            tdi_message back;
            refused += decode_exact(b, header, b->bytes + TDI_HEADER_BYTES, &back) != TD_OK;
        }
        assert_true(refused > 0);
    }
}

static void every_flipped_bit_is_safe(void **state) {
    bench *b = *state;
    for (uint32_t type = 1; type < TDI_MESSAGE_END; type++) {
        sample s = sample_of(type);
        size_t size = encode(b, &s) - TDI_HEADER_BYTES;
        for (size_t bit = 0; bit < size * 8; bit++) {
            tdi_header header = {(tdi_message_type)type, (uint32_t)size, (uint32_t)s.payload_bytes};
            tdi_message back;
            b->bytes[TDI_HEADER_BYTES + bit / 8] ^= (uint8_t)(1 << bit % 8);
            (void)decode_exact(b, header, b->bytes + TDI_HEADER_BYTES, &back);
            b->bytes[TDI_HEADER_BYTES + bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static td_status header_status(const char *bytes, int64_t *offset) {
    tdi_header header;
    td_error error = {0};
    td_status status = tdi_header_decode((const uint8_t *)bytes, &header, &error);
    *offset = error.offset;
    return status;
}

static void a_bad_header_is_refused_where_it_is_bad(void **state) {
    static const struct {
        const char *bytes;
        td_status status;
        int64_t offset;
    } cases[] = {
        {"GET / HTTP/1", TD_PROTOCOL, 0},
        {"TE\x0a\0\2\0\0\0\0\0\0\0", TD_PROTOCOL, 0},
        {"TD\x00\0\2\0\0\0\0\0\0\0", TD_PROTOCOL, 2},
        {"TD\x0e\0\2\0\0\0\0\0\0\0", TD_PROTOCOL, 2},
        {"TD\xff\0\2\0\0\0\0\0\0\0", TD_PROTOCOL, 2},
        {"TD\x0a\1\2\0\0\0\0\0\0\0", TD_PROTOCOL, 3},
        {"TD\x0a\0\x41\0\0\0\0\0\0\0", TD_LIMIT, 4},
        {"TD\x0a\0\2\0\0\x80\0\0\0\0", TD_LIMIT, 4},
        {"TD\x0a\0\2\0\0\0\1\0\0\0", TD_LIMIT, 8},
        {"TD\x05\0\2\0\0\0\1\0\0\4", TD_LIMIT, 8},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t offset;
        assert_int_equal(header_status(cases[i].bytes, &offset), cases[i].status);
        assert_int_equal(offset, cases[i].offset);
    }
}

/* Encodes a message that breaks a rule (the encoder trusts its caller there) and expects the
 * decoder to refuse it. */
static void assert_refused(bench *b, sample s, td_status status) {
    tdi_header header;
    tdi_message back;
    encode(b, &s);
    assert_int_equal(tdi_header_decode(b->bytes, &header, NULL), TD_OK);
    assert_int_equal(decode(b, &header, b->bytes + TDI_HEADER_BYTES, &back), status);
}

static void a_field_out_of_range_is_refused(void **state) {
    bench *b = *state;
    sample s = sample_of(TDI_MESSAGE_HELLO);
    s.message.hello.version_min = 4;
    assert_refused(b, s, TD_PROTOCOL);
    s.message.hello.version_min = 0;
    assert_refused(b, s, TD_PROTOCOL);
    s = sample_of(TDI_MESSAGE_HELLO_ACK);
    s.message.hello_ack.silence_ms = 0;
    assert_refused(b, s, TD_PROTOCOL);
    s.message.hello_ack.silence_ms = TDI_SILENCE_MS_MAX + 1;
    assert_refused(b, s, TD_PROTOCOL);
    s = sample_of(TDI_MESSAGE_SWITCH);
    s.message.switch_request.top = TDI_PREDICTIONS_MAX + 1;
    assert_refused(b, s, TD_PROTOCOL);
    s = sample_of(TDI_MESSAGE_SWITCH);
    s.message.switch_request.switch_id = 0;
    assert_refused(b, s, TD_PROTOCOL);
    s = sample_of(TDI_MESSAGE_READY);
    s.message.ready.frame_bytes_max = (uint64_t)TDI_FRAME_BYTES_MAX + 1;
    assert_refused(b, s, TD_PROTOCOL);
    s = sample_of(TDI_MESSAGE_RESULT);
    s.message.result.es = -1;
    assert_refused(b, s, TD_PROTOCOL);
    s = sample_of(TDI_MESSAGE_BUNDLE_REQUEST);
    s.message.bundle_request.length = 0;
    assert_refused(b, s, TD_PROTOCOL);
    s.message.bundle_request.length = TDI_CHUNK_BYTES_MAX + 1;
    assert_refused(b, s, TD_PROTOCOL);
}

static void sizes_must_add_up_to_the_payload(void **state) {
    bench *b = *state;
    uint32_t too_many[TDI_SIZES_MAX + 1] = {303};
    uint32_t wrapping[2] = {UINT32_MAX, 304};
    sample s = sample_of(TDI_MESSAGE_FRAME);
    s.payload_bytes = 302;
    assert_refused(b, s, TD_PROTOCOL);
    s.payload_bytes = 304;
    assert_refused(b, s, TD_PROTOCOL);
    s.payload_bytes = 303;
    s.message.frame.size_count = 0;
    assert_refused(b, s, TD_PROTOCOL);
    s.message.frame.sizes = too_many;
    s.message.frame.size_count = TDI_SIZES_MAX + 1;
    assert_refused(b, s, TD_PROTOCOL);
    s.message.frame.sizes = wrapping;
    s.message.frame.size_count = 2;
    assert_refused(b, s, TD_PROTOCOL);
    s = sample_of(TDI_MESSAGE_RESULT);
    s.payload_bytes = 44;
    assert_refused(b, s, TD_PROTOCOL);
    s.payload_bytes = 52;
    assert_refused(b, s, TD_PROTOCOL);
}

static void long_sentences_are_cut_between_characters(void **state) {
    bench *b = *state;
    char text[2 * TDI_REASON_BYTES];
    tdi_header header;
    tdi_message back;
    memset(text, 'x', sizeof text);
    memcpy(text + TDI_REASON_BYTES - 1, "\xc3\xa9", 2); /* a character across the limit */
    text[sizeof text - 1] = 0;
    sample s = sample_of(TDI_MESSAGE_DROP);
    s.message.drop.reason = text;
    encode(b, &s);
    assert_int_equal(tdi_header_decode(b->bytes, &header, NULL), TD_OK);
    assert_int_equal(decode(b, &header, b->bytes + TDI_HEADER_BYTES, &back), TD_OK);
    assert_int_equal(strlen(back.drop.reason), TDI_REASON_BYTES - 1);
}

static void a_long_name_is_not_encoded(void **state) {
    bench *b = *state;
    char name[TDI_MODEL_BYTES + 2];
    size_t size;
    td_error error = {0};
    memset(name, 'm', sizeof name);
    name[sizeof name - 1] = 0;
    sample s = sample_of(TDI_MESSAGE_SWITCH);
    s.message.switch_request.model = name;
    assert_int_equal(
        tdi_message_encode(&s.message, 0, &b->scratch, b->bytes, sizeof b->bytes, &size, &error),
        TD_LIMIT);
    assert_non_null(strstr(error.message, "model"));
}

static void control_characters_become_question_marks(void **state) {
    bench *b = *state;
    tdi_header header;
    tdi_message back;
    sample s = sample_of(TDI_MESSAGE_ERROR);
    s.message.error.reason = "a\x1b[2Jb\nc";
    encode(b, &s);
    assert_int_equal(tdi_header_decode(b->bytes, &header, NULL), TD_OK);
    assert_int_equal(decode(b, &header, b->bytes + TDI_HEADER_BYTES, &back), TD_OK);
    assert_string_equal(back.error.reason, "a?[2Jb?c");
}

/* Two bytes of input per prediction, each some eighty bytes in memory: the scratch is the limit. */
static void amplification_ends_at_the_scratch(void **state) {
    bench *b = *state;
    uint32_t size = tdi_message_control_max(TDI_MESSAGE_RESULT);
    uint8_t *control = malloc(size);
    tdi_header header = {TDI_MESSAGE_RESULT, size, 0};
    tdi_message back;
    for (uint32_t i = 0; i < size; i += 2) {
        control[i] = 0x2a; /* field 5, length-delimited */
        control[i + 1] = 0;
    }
    assert_int_equal(decode(b, &header, control, &back), TD_FORMAT);
    free(control);
}

static void the_largest_result_fits(void **state) {
    bench *b = *state;
    static tdi_scored predictions[TDI_PREDICTIONS_MAX];
    static uint64_t elements[TDI_OUTPUTS_MAX];
    char label[TDI_LABEL_BYTES + 1];
    tdi_header header;
    tdi_message back;
    memset(label, 'l', TDI_LABEL_BYTES);
    label[TDI_LABEL_BYTES] = 0;
    for (int i = 0; i < TDI_PREDICTIONS_MAX; i++)
        predictions[i] = (tdi_scored){INT32_MAX, 0.5f, label, label, label};
    for (int i = 0; i < TDI_OUTPUTS_MAX; i++)
        elements[i] = TDI_OUTPUT_BYTES_MAX / 4 / TDI_OUTPUTS_MAX;
    sample s = {{.type = TDI_MESSAGE_RESULT}, TDI_OUTPUT_BYTES_MAX};
    s.message.result = (tdi_result){UINT64_MAX,  INT64_MAX,           INT64_MAX, INT64_MAX,
                                    predictions, TDI_PREDICTIONS_MAX, elements,  TDI_OUTPUTS_MAX};
    encode(b, &s);
    assert_int_equal(tdi_header_decode(b->bytes, &header, NULL), TD_OK);
    assert_int_equal(decode(b, &header, b->bytes + TDI_HEADER_BYTES, &back), TD_OK);
    assert_int_equal(strlen(back.result.predictions[99].id), TDI_LABEL_ID_BYTES);
    assert_string_equal(back.result.predictions[99].name, label);
}

static void an_unknown_code_counts_as_protocol(void **state) {
    bench *b = *state;
    static const uint8_t control[] = {0x08, 0x63}; /* code 99 */
    tdi_header header = {TDI_MESSAGE_ERROR, sizeof control, 0};
    tdi_message back;
    assert_int_equal(decode(b, &header, control, &back), TD_OK);
    assert_int_equal(back.error.status, TD_PROTOCOL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back_as_it_went),
        cmocka_unit_test(every_truncation_is_safe),
        cmocka_unit_test(every_flipped_bit_is_safe),
        cmocka_unit_test(a_bad_header_is_refused_where_it_is_bad),
        cmocka_unit_test(a_field_out_of_range_is_refused),
        cmocka_unit_test(sizes_must_add_up_to_the_payload),
        cmocka_unit_test(long_sentences_are_cut_between_characters),
        cmocka_unit_test(a_long_name_is_not_encoded),
        cmocka_unit_test(control_characters_become_question_marks),
        cmocka_unit_test(amplification_ends_at_the_scratch),
        cmocka_unit_test(the_largest_result_fits),
        cmocka_unit_test(an_unknown_code_counts_as_protocol),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
