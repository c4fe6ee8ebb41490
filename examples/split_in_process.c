/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network split at a layer with a quantizer, both halves in one process:
 *
 *     split_in_process MODEL CUT STRATEGY PICTURE...
 *     split_in_process net.bundle layer2.0.relu2 uniform:levels=16,clip=3.3 photo.jpg
 */
#include <stdio.h>
#include <stdlib.h>

#include <tandem/tandem.h>

static td_error err;

/* Ends the program with the library's sentence where something failed. */
static void must(td_status status) {
    if (status == TD_OK)
        return;
    fprintf(stderr, "split_in_process: %s\n", err.message);
    exit(1);
}

static td_picture read_picture(const char *path) {
    td_source *source;
    td_picture picture;
    must(td_source_open(&path, 1, &source, &err));
    must(td_source_read(source, 0, &picture, NULL, &err));
    td_source_close(source);
    return picture;
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: split_in_process MODEL CUT STRATEGY PICTURE...\n");
        return 2;
    }
    const char *cut = argv[2], *strategy = argv[3];

    /* The model and its two halves. */
    td_model *model;
    td_head *head;
    td_tail *tail;
    must(td_model_open(argv[1], &model, &err));
    must(td_head_open(model, cut, NULL, &head, &err));
    must(td_tail_open(model, cut, NULL, &tail, &err));

    /* The codec pair: the encoder would be on the device, the decoder on the server. */
    td_codec *encoder, *decoder;
    td_layout layout = td_head_layout(head, 0);
    td_calibration *calibration = td_model_calibration(model, cut, 0);
    if (td_head_tensor_count(head) != 1) {
        fprintf(stderr, "split_in_process: name a cut of one tensor\n");
        return 1;
    }
    must(td_codec_open(strategy, &layout, calibration, &encoder, &err));
    must(td_codec_open(strategy, &layout, calibration, &decoder, &err));
    printf("%s: %dx%dx%d, %s\n", cut, (int)layout.channels, (int)layout.height, (int)layout.width,
           td_codec_strategy(encoder));

    size_t room = td_codec_bound(encoder);
    uint8_t *bytes = malloc(room);
    void *decoded = malloc((size_t)td_layout_elements(&layout) * td_dtype_bytes(layout.dtype));
    const float **outputs = calloc(td_tail_output_count(tail), sizeof *outputs);
    if (!bytes || !decoded || !outputs)
        return 1;

    for (int i = 4; i < argc; i++) {
        td_picture picture = read_picture(argv[i]);
        const void *features[1];
        size_t size;
        td_prediction best;

        must(td_head_run(head, &picture, features, &err));
        must(td_codec_encode(encoder, features[0], bytes, room, &size, &err));
        must(td_codec_decode(decoder, bytes, size, decoded, &err));
        features[0] = decoded;
        must(td_tail_run(tail, features, outputs, &err));

        size_t classes = (size_t)td_tail_output_elements(tail, 0);
        if (td_top(outputs[0], classes, td_model_output_kind(model), &best, 1) == 1)
            printf("%s: %zu bytes, %s %.3f\n", argv[i], size,
                   td_model_label(model, best.index).name, (double)best.score);
        td_picture_clear(&picture);
    }

    free(outputs);
    free(decoded);
    free(bytes);
    td_codec_close(decoder);
    td_codec_close(encoder);
    td_tail_close(tail);
    td_head_close(head);
    td_model_unref(model);
    return 0;
}
