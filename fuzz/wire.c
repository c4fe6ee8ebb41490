/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message: whatever decodes must encode again, and decode to the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tdi_scratch scratch, second;
static uint8_t bytes[TDI_MESSAGE_BYTES_MAX], again[TDI_MESSAGE_BYTES_MAX];

/* Fields at the edge of 511 bytes and the like are cut on encoding: the second time nothing is left
 * to cut. */
static void check_round_trip(const tdi_message *message, uint32_t payload_bytes) {
    size_t once, twice;
    tdi_header header;
    tdi_message back;
    if (tdi_message_encode(message, payload_bytes, &scratch, bytes, sizeof bytes, &once, NULL) !=
        TD_OK)
        abort();
    if (tdi_header_decode(bytes, &header, NULL) != TD_OK)
        abort();
    if (tdi_message_decode(&header, bytes + TDI_HEADER_BYTES, &second, &back, NULL) != TD_OK)
        abort();
    if (tdi_message_encode(&back, payload_bytes, &second, again, sizeof again, &twice, NULL) !=
        TD_OK)
        abort();
    if (once != twice || memcmp(bytes, again, once) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tdi_header header;
    tdi_message message;
    td_error error;
    if (!scratch.data && (tdi_scratch_init(&scratch, TDI_SCRATCH_BYTES) ||
                          tdi_scratch_init(&second, TDI_SCRATCH_BYTES)))
        return 0;
    if (size < TDI_HEADER_BYTES || tdi_header_decode(data, &header, &error) != TD_OK)
        return 0;
    if (header.control_bytes > size - TDI_HEADER_BYTES)
        header.control_bytes = (uint32_t)(size - TDI_HEADER_BYTES);
    uint8_t *control = malloc(header.control_bytes ? header.control_bytes : 1);
    memcpy(control, data + TDI_HEADER_BYTES, header.control_bytes);
    if (tdi_message_decode(&header, control, &scratch, &message, &error) == TD_OK)
        check_round_trip(&message, header.payload_bytes);
    free(control);
    return 0;
}
