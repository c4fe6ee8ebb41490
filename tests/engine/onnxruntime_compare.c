/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's outputs against onnxruntime's, on random input.
 *
 *   onnxruntime_compare [MODEL-OR-FOLDER...]     default: the evaluation data's models
 *
 * onnxruntime runs in tests/onnxruntime/run.js. Exit code 77, with a reason, where node, the
 * package or all models are missing.
 */
#include "net.h"

#include "base/file.h"
#include "graph/onnx/onnx.h"
#include "onnxruntime/node.h"

#define TOLERANCE 1e-4

typedef struct tally {
    int agreed, differed, skipped;
} tally;

static void write_or_die(const char *path, const void *data, size_t bytes) {
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0) {
        fprintf(stderr, "cannot write %s\n", path);
        exit(1);
    }
}

static float *random_input(const tdi_graph *graph, uint64_t seed) {
    const tdi_value *in = &graph->values[graph->inputs[0]];
    tdi_prng prng = {seed};
    if (graph->input_count != 1 || in->dtype != TD_DTYPE_F32)
        return NULL;
    return random_floats(&prng, (size_t)td_shape_elements(&in->shape));
}

static void compare_model(const char *model, const char *folder, tally *t) {
    char in_path[300], out_path[300];
    tdi_graph *graph = NULL;
    td_error err = {TD_OK, -1, ""};
    uint8_t *expected = NULL;
    size_t bytes = 0;
    if (tdi_onnx_load(model, &graph, &err) != TD_OK) {
        printf("%s: %s\n", model, err.message);
        t->differed++;
        return;
    }
    float *input = random_input(graph, 1);
    if (!input) {
        printf("%s: not one float32 input, left out\n", model);
        goto done;
    }
    snprintf(in_path, sizeof in_path, "%s/input", folder);
    snprintf(out_path, sizeof out_path, "%s/output", folder);
    const float *inputs[1] = {input};
    ran r = run_graph(graph, NULL, inputs);
    write_or_die(in_path, input, tdi_run_input_bytes(r.run, 0));
    int code = node_run("run.js", (const char *[]){model, in_path, out_path, NULL});
    if (code == NODE_SKIPPED) {
        t->skipped++;
    } else if (code != 0 || tdi_file_read(out_path, (size_t)1 << 30, &expected, &bytes, &err) ||
               bytes != tdi_run_output_bytes(r.run, 0)) {
        printf("%s: onnxruntime failed\n", model);
        t->differed++;
    } else {
        double d = relative_difference(tdi_run_output(r.run, 0), (const float *)(void *)expected,
                                       bytes / sizeof(float));
        int agreed = d < TOLERANCE;
        printf("%s: differs by %.2g of the largest output%s\n", model, d, agreed ? "" : ": FAILED");
        agreed ? t->agreed++ : t->differed++;
    }
    tdi_free(expected);
    ran_free(&r);
done:
    free(input);
    tdi_graph_free(graph);
}

static void compare_path(const char *path, const char *folder, tally *t) {
    char **names;
    size_t count;
    if (!tdi_path_is_folder(path)) {
        compare_model(path, folder, t);
        return;
    }
    if (tdi_folder_list(path, &names, &count, NULL) != TD_OK)
        return;
    for (size_t i = 0; i < count && t->skipped == 0; i++) {
        size_t length = strlen(names[i]);
        char *file = tdi_path_join(path, names[i]);
        if (length > 5 && strcmp(names[i] + length - 5, ".onnx") == 0)
            compare_model(file, folder, t);
        tdi_free(file);
    }
    tdi_names_free(names, count);
}

int main(int argc, char **argv) {
    char folder[256];
    tally t = {0, 0, 0};
    const char *fallback = argc < 2 ? test_data("models") : NULL;
    if (argc < 2 && !fallback)
        return NODE_SKIPPED;
    test_folder(folder);
    if (argc < 2)
        compare_path(fallback, folder, &t);
    for (int i = 1; i < argc; i++)
        compare_path(argv[i], folder, &t);
    tdi_folder_remove(folder, NULL);
    printf("%d agree, %d differ\n", t.agreed, t.differed);
    if (t.skipped > 0)
        return NODE_SKIPPED;
    return t.differed > 0 || t.agreed == 0;
}
