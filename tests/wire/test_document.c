/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worked example in docs/protocol.md is what this code writes, byte for byte. These bytes
 * change only with the protocol's version.
 */
#include <ctype.h>

#include <support.h>

#include "base/file.h"
#include "base/memory.h"
#include "wire/message.h"

typedef struct example {
    const char *name; /* the heading of its block: "<!-- hex: name -->" */
    tdi_message message;
    const char *payload;
    size_t payload_bytes;
} example;

static const uint32_t sizes[] = {4};
static const tdi_scored predictions[] = {{9, 0.75f, "", "ankle boot", ""}};

static const example examples[] = {
    {"Hello", {.type = TDI_MESSAGE_HELLO, .hello = {1, 1, "tandem", 2000}}, "", 0},
    {"HelloAck", {.type = TDI_MESSAGE_HELLO_ACK, .hello_ack = {1, "tandem", 30000}}, "", 0},
    {"ModelSwitchRequest",
     {.type = TDI_MESSAGE_SWITCH,
      .switch_request = {1,
                         "fashion",
                         {{0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
                           0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15,
                           0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f}},
                         "color=gray",
                         "relu1",
                         "raw",
                         {{0}},
                         1,
                         0}},
     "",
     0},
    {"ModelReadyResponse", {.type = TDI_MESSAGE_READY, .ready = {1, TD_OK, "", "raw", 4}}, "", 0},
    {"Frame", {.type = TDI_MESSAGE_FRAME, .frame = {1, 1, sizes, 1}}, "\x00\x00\x80\x3f", 4},
    {"ConfirmationResponse", {.type = TDI_MESSAGE_CONFIRM, .confirm = {1, 4}}, "", 0},
    {"ResultResponse",
     {.type = TDI_MESSAGE_RESULT, .result = {1, 0, 12000, 345000, predictions, 1, NULL, 0}},
     "",
     0},
    {"Drop", {.type = TDI_MESSAGE_DROP, .drop = {2, TD_BUSY, "full"}}, "", 0},
    {"Error", {.type = TDI_MESSAGE_ERROR, .error = {TD_VERSION, "no"}}, "", 0},
    {"Ping", {.type = TDI_MESSAGE_PING, .ping = {1}}, "", 0},
    {"Pong", {.type = TDI_MESSAGE_PONG, .ping = {1}}, "", 0},
    {"BundleRequest",
     {.type = TDI_MESSAGE_BUNDLE_REQUEST,
      .bundle_request = {1, "fashion", "bundle.json", 0, 262144}},
     "",
     0},
    {"BundleResponse",
     {.type = TDI_MESSAGE_BUNDLE_RESPONSE, .bundle_response = {1, TD_OK, "", 2}},
     "{}",
     2},
};

static int digit(char c) {
    return isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10;
}

/* Reads the hexadecimal block that follows the mark of `name`; comments run from | to the end of a
 * line. */
static size_t read_block(const char *text, const char *name, uint8_t *out, size_t room) {
    char mark[64];
    size_t count = 0;
    snprintf(mark, sizeof mark, "<!-- hex: %s -->\n```\n", name);
    const char *at = strstr(text, mark);
    if (!at)
        fail_msg("docs/protocol.md has no example of %s", name);
    for (at += strlen(mark); *at != '`';) {
        if (*at == '|') {
            at += strcspn(at, "\n");
        } else if (isxdigit((unsigned char)*at)) {
            assert_true(count < room);
            out[count++] = (uint8_t)(digit(at[0]) << 4 | digit(at[1]));
            at += 2;
        } else {
            at++;
        }
    }
    return count;
}

static void print_hex(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        print_message("%02x%s", bytes[i], i % 16 == 15 || i + 1 == size ? "\n" : " ");
}

static void the_document_shows_the_bytes_that_are_sent(void **state) {
    uint8_t *text, expected[512], bytes[TDI_HEADER_BYTES + 512];
    size_t text_bytes;
    td_error error = {0};
    tdi_scratch scratch;
    (void)state;
    if (tdi_file_read(test_source("docs/protocol.md"), 1 << 20, &text, &text_bytes, &error))
        fail_msg("%s", error.message);
    assert_int_equal(tdi_scratch_init(&scratch, TDI_SCRATCH_BYTES), 0);
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const example *e = &examples[i];
        size_t size;
        assert_int_equal(tdi_message_encode(&e->message, e->payload_bytes, &scratch, bytes,
                                            sizeof bytes, &size, NULL),
                         TD_OK);
        memcpy(bytes + size, e->payload, e->payload_bytes);
        size += e->payload_bytes;
        size_t count = read_block((const char *)text, e->name, expected, sizeof expected);
        if (count != size || memcmp(expected, bytes, size) != 0) {
            print_message("%s is sent as\n", e->name);
            print_hex(bytes, size);
            fail_msg("docs/protocol.md shows something else");
        }
    }
    tdi_scratch_fini(&scratch);
    tdi_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_shows_the_bytes_that_are_sent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
