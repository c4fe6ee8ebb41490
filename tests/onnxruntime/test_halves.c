/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The halves that td_model_split() writes, run by another runtime: onnxruntime takes the head's
 * outputs to the tail, and both must agree with the network as a whole and with what the pipeline
 * itself computes. Exit code 77, with a reason, where node or onnxruntime is missing.
 */
#include <math.h>

#include "half_file.h"
#include "node.h"

#include "base/prng.h"
#include "codec/stage.h"
#include "media/recipe.h"
#include "pipeline/pipeline.h"

#define TENSORS_MAX 2
#define BATCH_MAX   2
#define TOLERANCE   1e-4

typedef enum kind { PLAIN, LEVELS_16, LEVELS_1000, FLOAT16, KIND_COUNT } kind;
static const td_dtype dtypes[KIND_COUNT] = {TD_DTYPE_F32, TD_DTYPE_U8, TD_DTYPE_U16, TD_DTYPE_F16};

/* A network and what it is run on: BATCH_MAX pictures. */
typedef struct subject {
    td_model *model;
    const char *path;
    char folder[256]; /* of all files */
    FILE *jobs;
    td_picture pictures[BATCH_MAX];
    int batches; /* 1, or BATCH_MAX where the batch is symbolic */
} subject;

/* One cut of it, with the features of picture 0. */
typedef struct place {
    const char *cut;
    td_head *head;
    td_tail *tail;
    size_t tensors;
    size_t elements[TENSORS_MAX];
    const void *features[TENSORS_MAX];
    float least, most;
} place;

/* One pair of halves. */
typedef struct split {
    const place *place;
    kind kind;
    char strategy[96], folder[300];
} split;

#define must(call)                                                                                 \
    do {                                                                                           \
        td_error must_error = {TD_OK, -1, ""}, *err = &must_error;                                 \
        if ((call) != TD_OK)                                                                       \
            fail_msg("%s", must_error.message);                                                    \
    } while (0)

/* "<folder>/<name>" in one of a few static buffers. */
static const char *in(const char *folder, const char *name) {
    static char paths[8][512];
    static unsigned next;
    char *out = paths[next++ % 8];
    snprintf(out, sizeof paths[0], "%s/%s", folder, name);
    return out;
}

/* A file of exactly `bytes`; free(). */
static void *read_back(const char *path, size_t bytes) {
    uint8_t *data;
    size_t size;
    must(tdi_file_read(path, (size_t)1 << 30, &data, &size, err));
    if (size != bytes)
        fail_msg("%s has %zu bytes instead of %zu", path, size, bytes);
    void *copy = malloc(bytes + 1);
    memcpy(copy, data, bytes);
    tdi_free(data);
    return copy;
}

static size_t output_elements(const subject *s) {
    td_tensor_info info;
    assert_int_equal(td_model_output(s->model, 0, &info), TD_OK);
    if (info.shape.dim[0] == TD_DIM_SYMBOLIC)
        info.shape.dim[0] = 1;
    return (size_t)td_shape_elements(&info.shape);
}

static td_picture noise(const td_recipe *recipe, tdi_prng *prng) {
    td_picture p = {recipe->width, recipe->height, tdi_recipe_channels(recipe), NULL};
    size_t bytes = (size_t)p.width * (size_t)p.height * (size_t)p.channels;
    p.pixels = tdi_malloc(bytes);
    assert_non_null(p.pixels);
    for (size_t i = 0; i < bytes; i++)
        p.pixels[i] = (uint8_t)(256 * tdi_prng_unit(prng));
    return p;
}

/* Writes the pictures as the network's input, for each batch. */
static void write_inputs(const subject *s) {
    const td_recipe *recipe = td_model_recipe(s->model);
    size_t elements = (size_t)recipe->width * (size_t)recipe->height *
                      (size_t)tdi_recipe_channels(recipe);
    float *values = malloc(BATCH_MAX * elements * sizeof *values);
    for (size_t i = 0; i < BATCH_MAX; i++)
        tdi_recipe_apply(recipe, s->pictures[i].pixels, values + i * elements);
    must(tdi_file_write(in(s->folder, "input.1"), values, elements * sizeof *values, err));
    must(tdi_file_write(in(s->folder, "input.2"), values, 2 * elements * sizeof *values, err));
    free(values);
}

static void subject_open(subject *s, const char *path, tdi_prng *prng) {
    memset(s, 0, sizeof *s);
    s->path = path;
    test_folder(s->folder);
    must(td_model_open(path, &s->model, err));
    for (int i = 0; i < BATCH_MAX; i++)
        s->pictures[i] = noise(td_model_recipe(s->model), prng);
    s->batches = s->model->graph->symbolic_batch ? BATCH_MAX : 1;
    write_inputs(s);
    s->jobs = fopen(in(s->folder, "jobs"), "w");
    assert_non_null(s->jobs);
    for (int batch = 1; batch <= s->batches; batch++)
        fprintf(s->jobs, "%s\t%d\t%s/whole.%d\t%s/input.%d\n", path, batch, s->folder, batch,
                s->folder, batch);
}

static void subject_close(subject *s) {
    for (int i = 0; i < BATCH_MAX; i++)
        td_picture_clear(&s->pictures[i]);
    td_model_unref(s->model);
    tdi_folder_remove(s->folder, NULL);
}

static void place_open(place *p, const subject *s, const char *cut) {
    memset(p, 0, sizeof *p);
    p->cut = cut;
    must(td_head_open(s->model, cut, NULL, &p->head, err));
    must(td_tail_open(s->model, cut, NULL, &p->tail, err));
    p->tensors = td_head_tensor_count(p->head);
    assert_in_range(p->tensors, 1, TENSORS_MAX);
    must(td_head_run(p->head, &s->pictures[0], p->features, err));
    p->least = INFINITY;
    p->most = -INFINITY;
    for (size_t t = 0; t < p->tensors; t++) {
        td_layout layout = td_head_layout(p->head, t);
        const float *values = p->features[t];
        p->elements[t] = (size_t)td_layout_elements(&layout);
        for (size_t i = 0; i < p->elements[t]; i++) {
            p->least = fminf(p->least, values[i]);
            p->most = fmaxf(p->most, values[i]);
        }
    }
}

static void place_close(place *p) {
    td_head_close(p->head);
    td_tail_close(p->tail);
}

/* The interval leaves out the outermost values, so that clamping is seen, too. */
static void choose_strategy(split *h) {
    double width = (double)h->place->most - h->place->least;
    if (h->kind == FLOAT16)
        snprintf(h->strategy, sizeof h->strategy, "f16");
    else if (h->kind != PLAIN)
        snprintf(h->strategy, sizeof h->strategy, "uniform:levels=%d,min=%.4g,max=%.4g",
                 h->kind == LEVELS_16 ? 16 : 1000, h->place->least + 0.05 * width,
                 h->place->most - 0.05 * width);
}

/* What is in the two files. */
static void check_files(const subject *s, const split *h) {
    Onnx__ModelProto *head = half_file_read(in(h->folder, "head.onnx"));
    Onnx__ModelProto *tail = half_file_read(in(h->folder, "tail.onnx"));
    half_file_check_shapes(head->graph->input, head->graph->n_input);
    half_file_check_shapes(head->graph->output, head->graph->n_output);
    half_file_check_shapes(tail->graph->input, tail->graph->n_input);
    half_file_check_shapes(tail->graph->output, tail->graph->n_output);
    assert_int_equal(head->graph->n_output, h->place->tensors);
    assert_int_equal(tail->graph->n_input, h->place->tensors);
    for (size_t t = 0; t < h->place->tensors; t++) {
        assert_int_equal(head->graph->output[t]->type->tensor_type->elem_type, dtypes[h->kind]);
        assert_int_equal(tail->graph->input[t]->type->tensor_type->elem_type, dtypes[h->kind]);
    }
    int64_t parameters = half_file_parameters(head->graph, NULL) +
                         half_file_parameters(tail->graph, head->graph);
    if (h->kind == PLAIN)
        assert_int_equal(parameters, td_model_parameters(s->model));
    onnx__model_proto__free_unpacked(head, NULL);
    onnx__model_proto__free_unpacked(tail, NULL);
}

static void add_jobs(const subject *s, const split *h) {
    for (int batch = 1; batch <= s->batches; batch++)
        fprintf(s->jobs, "%s/head.onnx\t%d\t%s/head.%d\t%s/input.%d\n", h->folder, batch, h->folder,
                batch, s->folder, batch);
    for (int batch = 1; batch <= s->batches; batch++) {
        fprintf(s->jobs, "%s/tail.onnx\t%d\t%s/tail.%d", h->folder, batch, h->folder, batch);
        for (size_t t = 0; t < h->place->tensors; t++)
            fprintf(s->jobs, "\t%s/head.%d.%zu", h->folder, batch, t);
        fprintf(s->jobs, "\n");
    }
}

static void split_write(split *h, const subject *s, const place *p, kind what, size_t number) {
    memset(h, 0, sizeof *h);
    h->place = p;
    h->kind = what;
    snprintf(h->folder, sizeof h->folder, "%s/%zu", s->folder, number);
    choose_strategy(h);
    must(td_model_split(s->model, p->cut, what == PLAIN ? NULL : h->strategy, h->folder, err));
    check_files(s, h);
    add_jobs(s, h);
}

/* Greatest difference relative to the greatest magnitude in `b`. */
static double difference(const float *a, const float *b, size_t count) {
    double worst = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        worst = fmax(worst, isfinite(a[i]) ? fabs((double)a[i] - (double)b[i]) : INFINITY);
        most = fmax(most, fabs((double)b[i]));
    }
    return most > 0 ? worst / most : worst;
}

static void expect_same(const split *h, const char *what, const float *a, const float *b,
                        size_t count) {
    double d = difference(a, b, count);
    if (!(d < TOLERANCE))
        fail_msg("%s, %s: %s differ by %.2g of the largest", h->place->cut,
                 h->kind == PLAIN ? "plain" : h->strategy, what, d);
}

/* What is behind the quantizer of one tensor. */
typedef struct quantized {
    tdi_quantizer_affine affine;
    size_t elements;
    float *restored; /* of the codec; where onnxruntime's levels are put instead, of those */
} quantized;

static void codec_restores(const split *h, size_t tensor, quantized *q) {
    td_layout layout = td_head_layout(h->place->head, tensor);
    td_codec *codec;
    size_t written;
    must(td_codec_open(h->strategy, &layout, NULL, &codec, err));
    must(tdi_codec_affine(codec, &q->affine, err));
    q->elements = h->place->elements[tensor];
    q->restored = malloc(q->elements * sizeof *q->restored);
    uint8_t *bytes = malloc(td_codec_bound(codec));
    must(td_codec_encode(codec, h->place->features[tensor], bytes, td_codec_bound(codec), &written,
                         err));
    must(td_codec_decode(codec, bytes, written, q->restored, err));
    free(bytes);
    td_codec_close(codec);
}

static float restore(const quantized *q, const void *levels, kind what, size_t i) {
    if (what == FLOAT16)
        return tdi_f32_from_f16(((const uint16_t *)levels)[i]);
    int32_t level = what == LEVELS_16 ? ((const uint8_t *)levels)[i]
                                      : ((const uint16_t *)levels)[i];
    assert_in_range(level, 0, q->affine.levels - 1);
    return (float)(q->affine.min + (double)level * q->affine.step);
}

/* Half a step around a value: what is quantized to the same. */
static double half_step(const quantized *q, float value) {
    if (q->affine.levels > 1)
        return 0.5 * q->affine.step;
    return fmax(ldexp(fabs((double)value), -11), ldexp(1, -25));
}

/*
 * Where the levels differ from the codec's, the feature must lie within float rounding of the edge
 * between the two.
 */
static void check_levels(const split *h, size_t tensor, quantized *q, const void *levels) {
    const float *features = h->place->features[tensor];
    double rounding = 1e-5 * fmax(fabs((double)h->place->least), fabs((double)h->place->most));
    size_t differ = 0;
    for (size_t i = 0; i < q->elements; i++) {
        float mine = q->restored[i], other = restore(q, levels, h->kind, i);
        q->restored[i] = other;
        if (fabs((double)mine - (double)other) < 0.5 * half_step(q, mine))
            continue;
        differ++;
        if (fabs((double)other - (double)features[i]) > half_step(q, features[i]) + rounding)
            fail_msg("%s, %s: element %zu of tensor %zu is %.9g: the codec makes it %.9g, "
                     "onnxruntime %.9g",
                     h->place->cut, h->strategy, i, tensor, (double)features[i], (double)mine,
                     (double)other);
    }
    if (differ * 20 > q->elements + 20)
        fail_msg("%s, %s: %zu of %zu levels differ", h->place->cut, h->strategy, differ,
                 q->elements);
}

/* One half, loaded from its file and run by our own engine. */
static void *run_here(const split *h, const char *name, const void *const *inputs, int output) {
    td_model *model;
    tdi_program *program;
    tdi_run *run;
    must(td_model_open(in(h->folder, name), &model, err));
    must(tdi_program_new(model->graph, NULL, &program, err));
    must(tdi_run_new(program, &run, err));
    for (int i = 0; i < model->graph->input_count; i++)
        memcpy(tdi_run_input(run, i), inputs[i], tdi_run_input_bytes(run, i));
    must(tdi_run_execute(run, err));
    size_t bytes = tdi_run_output_bytes(run, output);
    void *copy = malloc(bytes + 1);
    memcpy(copy, tdi_run_output(run, output), bytes);
    tdi_run_free(run);
    tdi_program_unref(program);
    td_model_unref(model);
    return copy;
}

static const char *output_file(const split *h, const char *half, int batch, size_t index) {
    char name[32];
    snprintf(name, sizeof name, "%s.%d.%zu", half, batch, index);
    return in(h->folder, name);
}

static void check_plain(const subject *s, const split *h) {
    size_t outputs = output_elements(s);
    for (int batch = 1; batch <= s->batches; batch++) {
        size_t bytes = outputs * (size_t)batch * sizeof(float);
        char whole_name[32];
        snprintf(whole_name, sizeof whole_name, "whole.%d.0", batch);
        float *whole = read_back(in(s->folder, whole_name), bytes);
        float *tail = read_back(output_file(h, "tail", batch, 0), bytes);
        expect_same(h, "halves and whole", tail, whole, outputs * (size_t)batch);
        free(whole);
        free(tail);
    }
    for (size_t t = 0; t < h->place->tensors; t++) {
        float *head = read_back(output_file(h, "head", 1, t), h->place->elements[t] * sizeof *head);
        expect_same(h, "features", h->place->features[t], head, h->place->elements[t]);
        free(head);
    }
}

static void check_quantized(const subject *s, const split *h) {
    size_t outputs = output_elements(s);
    quantized q[TENSORS_MAX] = {0};
    const void *restored[TENSORS_MAX];
    const float *tail[1];
    for (size_t t = 0; t < h->place->tensors; t++) {
        codec_restores(h, t, &q[t]);
        size_t bytes = q[t].elements * td_dtype_bytes(dtypes[h->kind]);
        void *levels = read_back(output_file(h, "head", 1, t), bytes);
        check_levels(h, t, &q[t], levels);
        restored[t] = q[t].restored;
        free(levels);
    }
    must(td_tail_run(h->place->tail, restored, tail, err));
    float *other = read_back(output_file(h, "tail", 1, 0), outputs * sizeof *other);
    expect_same(h, "tails", tail[0], other, outputs);
    free(other);
    for (size_t t = 0; t < h->place->tensors; t++)
        free(q[t].restored);
}

/* The files are models to us, too. */
static void check_here(const subject *s, const split *h) {
    size_t outputs = output_elements(s);
    td_tensor_info info;
    assert_int_equal(td_model_input(s->model, 0, &info), TD_OK);
    info.shape.dim[0] = 1;
    void *input = read_back(in(s->folder, "input.1"),
                            (size_t)td_shape_elements(&info.shape) * sizeof(float));
    void *features[TENSORS_MAX];
    for (size_t t = 0; t < h->place->tensors; t++) {
        size_t bytes = h->place->elements[t] * td_dtype_bytes(dtypes[h->kind]);
        void *mine = run_here(h, "head.onnx", (const void *const[]){input}, (int)t);
        features[t] = read_back(output_file(h, "head", 1, t), bytes);
        if (h->kind == PLAIN)
            expect_same(h, "features of the heads", mine, features[t], h->place->elements[t]);
        free(mine);
    }
    float *mine = run_here(h, "tail.onnx", (const void *const *)features, 0);
    float *other = read_back(output_file(h, "tail", 1, 0), outputs * sizeof *other);
    expect_same(h, "outputs of the tails", mine, other, outputs);
    free(mine);
    free(other);
    for (size_t t = 0; t < h->place->tensors; t++)
        free(features[t]);
    free(input);
}

/*
 * Splits at every cut: plain, and with every quantizer. Where `sparse`, to save time on large
 * networks, with one quantizer after the other, and only those halves run here, too.
 */
static void check_halves(const char *path, const char *const *cuts, size_t count, int sparse) {
    subject s;
    tdi_prng prng = {test_seed(1)};
    subject_open(&s, path, &prng);
    place *places = calloc(count, sizeof *places);
    split *splits = calloc(count * KIND_COUNT, sizeof *splits);
    size_t made = 0;
    for (size_t c = 0; c < count; c++) {
        place_open(&places[c], &s, cuts[c]);
        for (int k = 0; k < KIND_COUNT; k++)
            if (k == PLAIN || !sparse || k == 1 + (int)c % (KIND_COUNT - 1)) {
                split_write(&splits[made], &s, &places[c], (kind)k, made);
                made++;
            }
    }
    fclose(s.jobs);
    assert_int_equal(node_run("jobs.js", (const char *[]){in(s.folder, "jobs"), NULL}), 0);
    for (size_t i = 0; i < made; i++) {
        splits[i].kind == PLAIN ? check_plain(&s, &splits[i]) : check_quantized(&s, &splits[i]);
        if (!sparse || splits[i].kind != PLAIN)
            check_here(&s, &splits[i]);
    }
    for (size_t c = 0; c < count; c++)
        place_close(&places[c]);
    free(places);
    free(splits);
    subject_close(&s);
}

static void the_shipped_network_runs_in_halves_at_every_cut(void **state) {
    (void)state;
    enum { MOST = 64 };
    const char *cuts[MOST];
    td_model *model;
    const char *path = test_source("models/fashion/model.onnx");
    must(td_model_open(path, &model, err));
    size_t count = td_model_cut_count(model);
    assert_in_range(count, 10, MOST - 2);
    for (size_t i = 0; i < count; i++) {
        td_cut_info info;
        assert_int_equal(td_model_cut(model, i, &info), TD_OK);
        cuts[i] = info.name;
    }
    cuts[count++] = "relu,layer1.0.bn1";
    cuts[count++] = "layer2.0.bn2,layer2.0.shortcut.conv";
    check_halves(path, cuts, count, 0);
    td_model_unref(model);
}

static const char *const mobilenet_cuts[] = {"block_3_project", "block_2_depthwise,block_1_project",
                                             "block_13_project", "block_16_project"};
static const char *const resnet_cuts[] = {"relu",           "layer1.1.add",
                                          "layer2.0.relu2", "layer2.1.relu1,layer2.0.relu2",
                                          "layer3.2.relu2", "avgpool"};

static void check_data(const char *relative, const char *const *cuts, size_t count) {
    const char *path = test_data(relative);
    if (!path)
        skip();
    check_halves(path, cuts, count, 1);
}

static void mobilenet_runs_in_halves(void **state) {
    (void)state;
    check_data("models/mobilenet_v2.onnx", mobilenet_cuts, 4);
}

static void mobilenet_of_float16_weights_runs_in_halves(void **state) {
    (void)state;
    check_data("models/mobilenet_v2_fp16w.onnx", mobilenet_cuts, 4);
}

static void resnet20_runs_in_halves(void **state) {
    (void)state;
    check_data("models/resnet20_cifar10.onnx", resnet_cuts, 6);
}

static void resnet56_runs_in_halves(void **state) {
    (void)state;
    check_data("models/resnet56_cifar10.onnx", resnet_cuts, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_network_runs_in_halves_at_every_cut),
        cmocka_unit_test(mobilenet_runs_in_halves),
        cmocka_unit_test(mobilenet_of_float16_weights_runs_in_halves),
        cmocka_unit_test(resnet20_runs_in_halves),
        cmocka_unit_test(resnet56_runs_in_halves),
    };
    if (node_run("jobs.js", (const char *[]){NULL}) == NODE_SKIPPED)
        return NODE_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
