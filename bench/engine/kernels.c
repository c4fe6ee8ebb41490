/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times every convolution of a model in all the ways that the engine has of running it, turn by
 * turn, each by itself with its data in the caches; and the chains of convolutions against the sum
 * of their parts.
 *
 *     bench_kernels MODEL [THREADS [BATCH]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "engine/backend.h"
#include "engine/native/direct.h"
#include "engine/program.h"
#include "graph/onnx/onnx.h"
#include "graph/op.h"

#define ROUNDS   101
#define WAYS_MAX 16

static void fail(const char *what, const td_error *err) {
    fprintf(stderr, "bench_kernels: %s: %s\n", what, err->message);
    exit(1);
}

static void *memory(size_t bytes) {
    float *values = tdi_malloc_aligned(bytes + 1);
    if (!values) {
        fprintf(stderr, "bench_kernels: out of memory\n");
        exit(1);
    }
    for (size_t i = 0; i < bytes / sizeof *values; i++)
        values[i] = 0.01f * (float)(i % 97);
    return values;
}

static int compare(const void *a, const void *b) {
    td_duration x = *(const td_duration *)a, y = *(const td_duration *)b;
    return (x > y) - (x < y);
}

typedef struct bench {
    tdi_graph *graph;
    tdi_plan plan;
    tdi_arena arena;
    tdi_packs *packs;
    void *states[TDI_BACKEND_COUNT];
    double peak; /* GFLOP/s */
    td_error err;
} bench;

/* One kernel for a step, with memory of its own. */
typedef struct way {
    const tdi_backend *backend;
    tdi_compile compile;
    tdi_kernel *kernel;
    tdi_bound *bound;
    void *inputs[8], *output, *scratch;
    int input_count;
    td_duration times[ROUNDS];
} way;

static int prepare(bench *b, const tdi_step *like, int index, int variant, way *w) {
    tdi_step step = *like;
    tdi_format at_hand[8] = {{.layout = TDI_LAYOUT_DENSE}};
    memset(w, 0, sizeof *w);
    w->backend = step.backend = tdi_backend_at(index);
    step.variant = variant;
    w->compile = (tdi_compile){b->states[index], b->graph, &b->arena, b->packs, NULL, 0};
    w->input_count = step.input_count;
    if (w->backend->prepare(&w->compile, &step, at_hand, &w->kernel, &b->err) != TD_OK)
        return 0;
    w->output = memory(w->kernel->output.bytes);
    w->scratch = memory(w->kernel->scratch_bytes);
    for (int i = 0; i < w->input_count; i++)
        w->inputs[i] = i == w->kernel->overwrites ? w->output : memory(w->kernel->inputs[i].bytes);
    tdi_memory places = {w->inputs, w->output, w->scratch};
    if (w->backend->bind(&w->compile, w->kernel, &places, &w->bound, &b->err) != TD_OK)
        fail("cannot bind a kernel", &b->err);
    return 1;
}

static void dispose(way *w) {
    w->backend->unbind(w->bound);
    for (int i = 0; i < w->input_count; i++)
        if (i != w->kernel->overwrites)
            tdi_free_aligned(w->inputs[i]);
    tdi_free_aligned(w->output);
    tdi_free_aligned(w->scratch);
    w->backend->release(&w->compile, w->kernel);
}

static void time_once(bench *b, way *w, td_duration *out) {
    td_time start = tdi_now();
    if (w->backend->execute(w->bound, &b->err) != TD_OK)
        fail("cannot run a kernel", &b->err);
    *out = tdi_now() - start;
}

static int ways_of(bench *b, const tdi_step *step, way *ways) {
    int count = 0;
    for (int i = 0; i < TDI_BACKEND_COUNT; i++) {
        const tdi_backend *backend = tdi_backend_at(i);
        if (!backend->supports(b->graph, step->node, step->kind))
            continue;
        int variants = backend->variants ? backend->variants(b->graph, step) : 1;
        for (int v = 0; v < variants && count < WAYS_MAX; v++)
            count += prepare(b, step, i, v, &ways[count]);
    }
    return count;
}

static double flops_of(const tdi_graph *graph, const tdi_step *step) {
    const td_shape *out = &graph->values[step->node->outputs[0]].shape;
    return 2.0 * (double)td_shape_elements(out) * (double)step->weights.inputs;
}

static void print_way(const bench *b, const char *name, td_duration best, td_duration median,
                      double flops) {
    printf("    %-44s %9.1f us %9.1f us %8.1f GFLOP/s %5.1f %%\n", name, (double)best / 1e3,
           (double)median / 1e3, flops / (double)best, 100 * flops / (double)best / b->peak);
}

/* Times the step in all ways and prints them; returns the shortest of one backend. */
static td_duration time_step(bench *b, const tdi_step *step, double flops, const char *of) {
    way *ways = calloc(WAYS_MAX, sizeof *ways);
    td_duration shortest = INT64_MAX;
    int count = ways ? ways_of(b, step, ways) : 0;
    for (int w = 0; w < count; w++)
        time_once(b, &ways[w], &ways[w].times[0]);
    for (int r = 0; r < ROUNDS; r++)
        for (int w = 0; w < count; w++)
            time_once(b, &ways[w], &ways[w].times[r]);
    for (int w = 0; w < count; w++) {
        char name[96];
        qsort(ways[w].times, ROUNDS, sizeof(td_duration), compare);
        snprintf(name, sizeof name, "%s %s", ways[w].backend->name, ways[w].kernel->implementation);
        print_way(b, name, ways[w].times[0], ways[w].times[ROUNDS / 2], flops);
        int is_of = strcmp(ways[w].backend->name, of) == 0;
        if (is_of && ways[w].times[0] < shortest)
            shortest = ways[w].times[0];
        dispose(&ways[w]);
    }
    free(ways);
    return shortest;
}

static void print_step(const tdi_graph *graph, const tdi_step *step, double flops) {
    char in[96], out[96], weights[96];
    td_shape_format(&graph->values[step->inputs[0]].shape, in, sizeof in);
    td_shape_format(&graph->values[step->output].shape, out, sizeof out);
    td_shape_format(&step->weights.kernel->shape, weights, sizeof weights);
    printf("%s%s %s -> %s, last weights %s, %.1f MFLOP\n", step->node->op->type, step->fused, in,
           out, weights, flops / 1e6);
}

static void time_all(bench *b) {
    for (int s = 0; s < b->plan.step_count; s++) {
        const tdi_step *step = &b->plan.steps[s];
        if (step->kind != TDI_STEP_CONV && step->kind != TDI_STEP_CHAIN)
            continue;
        double all = step->kind == TDI_STEP_CONV ? flops_of(b->graph, step) : 0;
        td_duration parts = 0;
        for (int i = 0; i < step->stage_count; i++) {
            double flops = flops_of(b->graph, step->stages[i]);
            print_step(b->graph, step->stages[i], flops);
            parts += time_step(b, step->stages[i], flops, "onednn");
            all += flops;
        }
        print_step(b->graph, step, all);
        time_step(b, step, all, "native");
        if (step->stage_count > 0)
            print_way(b, "onednn, sum of the parts", parts, parts, all);
    }
}

/* What the 1x1 kernel reaches on data in the first level cache: within 2 % of the peak. */
static double measure_peak(void) {
    enum { INPUTS = 320, OUTPUTS = 32, PIXELS = 14 };
    float *src = memory(INPUTS * PIXELS * sizeof(float)), *dst = memory(OUTPUTS * PIXELS * 4);
    float *weights = memory(INPUTS * OUTPUTS * sizeof(float)), *bias = memory(OUTPUTS * 4);
    tdi_pointwise layer = {INPUTS, OUTPUTS, weights, bias, {0, 6, 0}};
    tdi_pointwise_task task = {.src = src,
                               .src_stride = (size_t)PIXELS * TDI_LANES,
                               .dst = dst,
                               .dst_stride = (size_t)PIXELS * TDI_LANES,
                               .pixels = PIXELS,
                               .width = PIXELS,
                               .pitch = PIXELS,
                               .output_blocks = OUTPUTS / TDI_LANES,
                               .input_blocks = INPUTS / TDI_LANES};
    double best = 0;
    for (int r = 0; r < 200; r++) {
        td_time start = tdi_now();
        for (int i = 0; i < 20; i++)
            tdi_direct_best()->pointwise(&layer, &task);
        double rate = 20 * 2.0 * INPUTS * OUTPUTS * PIXELS / (double)(tdi_now() - start);
        best = rate > best ? rate : best;
    }
    tdi_free_aligned(src);
    tdi_free_aligned(dst);
    tdi_free_aligned(weights);
    tdi_free_aligned(bias);
    return best;
}

int main(int argc, char **argv) {
    bench b;
    memset(&b, 0, sizeof b);
    int threads = argc > 2 ? atoi(argv[2]) : 1, batch = argc > 3 ? atoi(argv[3]) : 1;
    if (argc < 2 || threads < 1 || batch < 1) {
        fprintf(stderr, "usage: bench_kernels MODEL [THREADS [BATCH]]\n");
        return 2;
    }
    b.packs = tdi_packs_new();
    if (tdi_onnx_load(argv[1], &b.graph, &b.err) != TD_OK ||
        tdi_graph_infer(b.graph, batch, &b.err) != TD_OK ||
        tdi_constants_evaluate(b.graph, &b.err) != TD_OK ||
        tdi_plan_init(&b.plan, b.graph, 1, &b.err) != TD_OK)
        fail(argv[1], &b.err);
    for (int i = 0; i < TDI_BACKEND_COUNT; i++) {
        const tdi_backend *backend = tdi_backend_at(i);
        if (backend->open(threads, &b.states[i], &b.err) != TD_OK)
            fail(backend->name, &b.err);
    }
    b.peak = measure_peak() * threads;
    printf("peak of %d threads about %.0f GFLOP/s; shortest and median of %d\n", threads, b.peak,
           ROUNDS);
    time_all(&b);
    for (int i = 0; i < TDI_BACKEND_COUNT; i++)
        tdi_backend_at(i)->close(b.states[i]);
    tdi_plan_fini(&b.plan);
    tdi_packs_unref(b.packs);
    tdi_graph_free(b.graph);
    tdi_arena_free(&b.arena);
    return 0;
}
