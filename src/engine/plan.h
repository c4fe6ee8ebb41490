/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph as a sequence of steps: which operator is the work of its own, and which are folded into
 * another one's weights or done while it writes its result. Says nothing about memory.
 */
#ifndef TDI_ENGINE_PLAN_H
#define TDI_ENGINE_PLAN_H

#include "engine/activation.h"
#include "engine/weights.h"

typedef struct tdi_backend tdi_backend; /* engine/backend.h */

typedef enum tdi_step_kind {
    TDI_STEP_CONV,  /* convolution with constant weights */
    TDI_STEP_DENSE, /* matrix x constant matrix + constant bias, in two dimensions */
    TDI_STEP_CHAIN, /* convolutions each of which only the next one reads */
    TDI_STEP_NODE,  /* any other operator, as its node says */
    TDI_STEP_VIEW   /* the input's bytes under another shape; no work */
} tdi_step_kind;

/* Something done to a result before it is stored. */
typedef enum tdi_post_kind { TDI_POST_ACTIVATION, TDI_POST_ADD } tdi_post_kind;

typedef struct tdi_post {
    tdi_post_kind kind;
    tdi_activation activation;
    int input; /* of TDI_POST_ADD: index among the step's inputs, a tensor of the result's shape */
} tdi_post;

#define TDI_POSTS_MAX 8

#define TDI_STAGES_MAX 3

typedef struct tdi_step tdi_step;
struct tdi_step {
    tdi_step_kind kind;
    const tdi_backend *backend; /* NULL for a view */
    int variant;                /* which of the backend's ways of running it */
    int alone;                  /* on one thread, however many the program has */
    td_precision precision;     /* the lowest that it may be computed with */
    const tdi_node *node;       /* the operator whose work it is; of a chain the first one */
    int last;                   /* index of the last node that is part of the step */
    int input_count;
    int *inputs;         /* values; -1: left out. Weights and what was folded are not among them */
    int output;          /* value */
    int output_index;    /* which of the node's outputs; an operator with several has a step each */
    tdi_weights weights; /* of TDI_STEP_CONV and TDI_STEP_DENSE */
    int post_count;
    tdi_post posts[TDI_POSTS_MAX];
    const char *fused; /* types of the operators that were folded in, as "+Relu+Add" */
    int stage_count;   /* of TDI_STEP_CHAIN; its posts are the last one's */
    const tdi_step *stages[TDI_STAGES_MAX];
};

typedef struct tdi_plan {
    tdi_arena arena; /* owns all below */
    tdi_step *steps; /* each after those that write its inputs */
    int step_count;
} tdi_plan;

/* Nodes whose outputs have data already are left out. `chains`: whether convolutions are joined.
 * `plan` is zeroed; fini also after failure. */
td_status tdi_plan_init(tdi_plan *plan, const tdi_graph *graph, int chains, td_error *err);
void tdi_plan_fini(tdi_plan *plan);

/* What kind of step a node starts. Weights count as constant when they do not depend on an input.
 */
tdi_step_kind tdi_step_kind_of(const tdi_graph *graph, const tdi_node *node);

#endif
