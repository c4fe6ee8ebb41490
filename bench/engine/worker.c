/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine as a process that is told when to run, so that a driver can alternate between
 * runtimes.
 *
 *     bench_engine_worker MODEL BATCH THREADS PRECISION [TIMINGS]
 *
 * With TIMINGS, a file that is read and written, kernels are chosen by measuring. It says in one
 * line of JSON what it has loaded, then reads a command a line from standard input and answers each
 * with one line of JSON. While it waits it uses no processor.
 *
 *     feed INDEX FILE   raw elements of an input               {}
 *     run N             N inferences                           {"ns": [...], "preempted": [...]}
 *     layers N          N inferences, each step timed          {"layers": [...]}
 *     save FILE         raw elements of output I to FILE.I     {}
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/file.h"
#include "engine/engine.h"
#include "graph/graph.h"
#include "graph/onnx/onnx.h"
#include "tensor/histogram.h"

#define COMMAND_BYTES 4096

typedef struct worker {
    tdi_graph *graph;
    tdi_program *program;
    tdi_run *run;
    int64_t batch;
    td_precision precision;
    tdi_ranges ranges;
    uint8_t **inputs; /* what the user of a runtime holds: copied before each inference */
    td_error err;
} worker;

static void fail(const char *message) {
    fprintf(stderr, "bench_engine_worker: %s\n", message);
    exit(1);
}

static void *allocate(size_t count, size_t bytes) {
    void *memory = calloc(count ? count : 1, bytes);
    if (!memory)
        fail("out of memory");
    return memory;
}

/* Prints and releases the document. */
static void answer(json_t *document) {
    json_dumpf(document, stdout, JSON_COMPACT);
    json_decref(document);
    putchar('\n');
    fflush(stdout);
}

static json_t *describe_shape(const td_shape *shape) {
    json_t *list = json_array();
    for (int i = 0; i < shape->rank; i++)
        json_array_append_new(list, json_integer(shape->dim[i]));
    return list;
}

/* Values with the batch as it is bound. */
static json_t *describe_values(const worker *w, const int *values, int count) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        const tdi_value *value = &w->graph->values[values[i]];
        td_shape shape = value->shape;
        if (value->batched)
            shape.dim[0] *= w->batch;
        json_array_append_new(list, json_pack("{s:s,s:s,s:o}", "name", value->name, "dtype",
                                              td_dtype_name(value->dtype), "shape",
                                              describe_shape(&shape)));
    }
    return list;
}

/* Uniform in -1 .. 1, as what a driver feeds. */
static void fill_noise(float *values, size_t count) {
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(int32_t)state * 0x1p-31f;
    }
}

/* Ranges of all tensors for noise: of no use to anybody but one who looks at times. */
static void survey(worker *w) {
    int count = 0, *values = allocate((size_t)w->graph->value_count, sizeof *values);
    tdi_graph *taps = NULL;
    tdi_program *program = NULL;
    tdi_run *run = NULL;
    for (int v = 0; v < w->graph->value_count; v++)
        if (tdi_value_has_range(&w->graph->values[v]))
            values[count++] = v;
    if (tdi_graph_extract(w->graph, w->graph->inputs, w->graph->input_count, values, count, &taps,
                          &w->err) ||
        tdi_program_new(taps, NULL, &program, &w->err) || tdi_run_new(program, &run, &w->err))
        fail(w->err.message);
    for (int i = 0; i < taps->input_count; i++)
        fill_noise(tdi_run_input(run, i), tdi_run_input_bytes(run, i) / sizeof(float));
    if (tdi_run_execute(run, &w->err))
        fail(w->err.message);
    for (int i = 0; i < count; i++) {
        float low, high;
        tdi_histogram *histogram = tdi_histogram_new();
        if (!histogram)
            fail("out of memory");
        tdi_histogram_add(histogram, tdi_run_output(run, i),
                          tdi_run_output_bytes(run, i) / sizeof(float));
        tdi_histogram_range(histogram, &low, &high);
        tdi_free(histogram);
        if (tdi_ranges_add(&w->ranges, w->graph->values[values[i]].name, low, high, &w->err))
            fail(w->err.message);
    }
    tdi_run_free(run);
    tdi_program_unref(program);
    tdi_graph_free(taps);
    free(values);
}

/* `timings_path` may be NULL. */
static void load(worker *w, const char *path, int threads, const char *timings_path) {
    tdi_timings *timings = timings_path ? tdi_timings_new() : NULL;
    const tdi_program_settings settings = {.batch = w->batch,
                                           .threads = threads,
                                           .timings = timings,
                                           .precision = w->precision,
                                           .ranges = &w->ranges};
    if (w->precision == TD_PRECISION_INT8) {
        if (tdi_onnx_load(path, &w->graph, &w->err))
            fail(w->err.message);
        survey(w);
        tdi_graph_free(w->graph);
    }
    td_time begin = tdi_now();
    if (timings && tdi_timings_load(timings, timings_path, &w->err))
        fail(w->err.message);
    if (tdi_onnx_load(path, &w->graph, &w->err) ||
        tdi_program_new(w->graph, &settings, &w->program, &w->err) ||
        tdi_run_new(w->program, &w->run, &w->err))
        fail(w->err.message);
    double load_ms = (double)(tdi_now() - begin) / 1e6;
    if (timings && tdi_timings_save(timings, timings_path, &w->err))
        fail(w->err.message);
    tdi_timings_unref(timings);
    tdi_footprint footprint = tdi_program_footprint(w->program);
    w->inputs = allocate((size_t)w->graph->input_count, sizeof *w->inputs);
    answer(json_pack("{s:f,s:I,s:I,s:I,s:I,s:o,s:o}", "load_ms", load_ms, "macs",
                     (json_int_t)tdi_graph_macs(w->graph), "weights_bytes",
                     (json_int_t)footprint.weights_bytes, "arena_bytes",
                     (json_int_t)footprint.arena_bytes, "scratch_bytes",
                     (json_int_t)footprint.scratch_bytes, "inputs",
                     describe_values(w, w->graph->inputs, w->graph->input_count), "outputs",
                     describe_values(w, w->graph->outputs, w->graph->output_count)));
}

static void feed(worker *w, int index, const char *path) {
    size_t size;
    if (index < 0 || index >= w->graph->input_count)
        fail("no such input");
    tdi_free(w->inputs[index]);
    if (tdi_file_read(path, (size_t)1 << 30, &w->inputs[index], &size, &w->err))
        fail(w->err.message);
    if (size != tdi_run_input_bytes(w->run, index))
        fail("the file is not as large as the input");
    answer(json_object());
}

/* One inference; `durations` NULL: without looking into it. */
static void infer(worker *w, td_duration *durations) {
    for (int i = 0; i < w->graph->input_count; i++) {
        if (!w->inputs[i])
            fail("an input was not fed");
        memcpy(tdi_run_input(w->run, i), w->inputs[i], tdi_run_input_bytes(w->run, i));
    }
    if (durations ? tdi_run_profile(w->run, durations, &w->err) : tdi_run_execute(w->run, &w->err))
        fail(w->err.message);
}

/* How often the system has taken a processor away from one of the process' threads. */
static long preemptions(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nivcsw;
}

static void run(worker *w, int count) {
    json_t *times = json_array(), *preempted = json_array();
    for (int i = 0; i < count; i++) {
        long before = preemptions();
        td_time begin = tdi_now();
        infer(w, NULL);
        json_array_append_new(times, json_integer(tdi_now() - begin));
        json_array_append_new(preempted, json_integer(preemptions() - before));
    }
    answer(json_pack("{s:o,s:o}", "ns", times, "preempted", preempted));
}

static int compare_durations(const void *a, const void *b) {
    td_duration x = *(const td_duration *)a, y = *(const td_duration *)b;
    return (x > y) - (x < y);
}

static json_t *describe_step(const worker *w, size_t index, td_duration median) {
    tdi_step_info info = tdi_program_step(w->program, index);
    json_t *step = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I}", "type", info.type, "fused",
                             info.fused, "name", info.name, "backend", info.backend, "ns",
                             (json_int_t)median, "macs", (json_int_t)info.macs, "weights_bytes",
                             (json_int_t)info.weights_bytes);
    json_object_set_new(step, "implementation", json_string(info.implementation));
    json_object_set_new(step, "shape", describe_shape(&info.shape));
    return step;
}

static void profile(worker *w, int count) {
    size_t steps = tdi_program_step_count(w->program), rounds = (size_t)count;
    td_duration *once = allocate(steps, sizeof *once);
    td_duration *all = allocate(steps * rounds, sizeof *all); /* by step, then by round */
    json_t *layers = json_array();
    infer(w, NULL);
    for (size_t r = 0; r < rounds; r++) {
        infer(w, once);
        for (size_t s = 0; s < steps; s++)
            all[s * rounds + r] = once[s];
    }
    for (size_t s = 0; s < steps; s++) {
        td_duration *times = all + s * rounds;
        qsort(times, rounds, sizeof *times, compare_durations);
        json_array_append_new(layers, describe_step(w, s, times[rounds / 2]));
    }
    free(once);
    free(all);
    answer(json_pack("{s:o}", "layers", layers));
}

static void save(worker *w, const char *prefix) {
    char path[COMMAND_BYTES + 16];
    for (int i = 0; i < w->graph->output_count; i++) {
        snprintf(path, sizeof path, "%s.%d", prefix, i);
        if (tdi_file_write(path, tdi_run_output(w->run, i), tdi_run_output_bytes(w->run, i),
                           &w->err))
            fail(w->err.message);
    }
    answer(json_object());
}

static void obey(worker *w, const char *command) {
    char path[COMMAND_BYTES];
    int number;
    if (sscanf(command, "feed %d %4095s", &number, path) == 2)
        feed(w, number, path);
    else if (sscanf(command, "run %d", &number) == 1 && number > 0)
        run(w, number);
    else if (sscanf(command, "layers %d", &number) == 1 && number > 0)
        profile(w, number);
    else if (sscanf(command, "save %4095s", path) == 1)
        save(w, path);
    else
        fail("what does that mean?");
}

int main(int argc, char **argv) {
    worker w = {.batch = 1};
    char command[COMMAND_BYTES];
    if (argc != 5 && argc != 6)
        fail("usage: bench_engine_worker MODEL BATCH THREADS PRECISION [TIMINGS]");
    if (td_precision_parse(argv[4], &w.precision, &w.err))
        fail(w.err.message);
    if (!tdi_engine_computes(w.precision))
        fail("skipped: this processor lacks the instructions");
    if (td_environment_check(&w.err))
        fail(w.err.message);
    w.batch = strtoll(argv[2], NULL, 10);
    load(&w, argv[1], (int)strtol(argv[3], NULL, 10), argv[5]);
    while (fgets(command, sizeof command, stdin))
        obey(&w, command);
    for (int i = 0; i < w.graph->input_count; i++)
        tdi_free(w.inputs[i]);
    free(w.inputs);
    tdi_run_free(w.run);
    tdi_program_unref(w.program);
    tdi_graph_free(w.graph);
    tdi_ranges_clear(&w.ranges);
    return 0;
}
