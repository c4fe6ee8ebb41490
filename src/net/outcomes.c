/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outcomes on their way from the thread that learns of them to the one that takes them.
 */
#include "net/outcomes.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"

static void free_list(tdi_outcome_node *node) {
    while (node) {
        tdi_outcome_node *next = node->next;
        tdi_free(node->output);
        tdi_free(node);
        node = next;
    }
}

void tdi_outcomes_fini(tdi_outcomes *outcomes) {
    free_list(outcomes->head);
    free_list(outcomes->idle);
    free_list(outcomes->held);
    memset(outcomes, 0, sizeof *outcomes);
}

td_status tdi_outcomes_prepare(tdi_outcomes *outcomes, size_t count, td_error *err) {
    size_t have = 0;
    for (const tdi_outcome_node *node = outcomes->idle; node && have < count; node = node->next)
        have++;
    for (; have < count; have++) {
        tdi_outcome_node *node = tdi_calloc(1, sizeof *node);
        if (!node)
            return tdi_fail_memory(err);
        node->next = outcomes->idle;
        outcomes->idle = node;
    }
    return TD_OK;
}

void tdi_outcomes_put(tdi_outcomes *outcomes, const td_outcome *outcome) {
    tdi_outcome_node *node = outcomes->idle;
    assert(node); /* prepared before the frame was sent */
    outcomes->idle = node->next;
    node->next = NULL;
    node->outcome = *outcome;
    if (outcome->output) {
        if (tdi_grow(&node->output, &node->output_capacity, outcome->output_elements,
                     sizeof(float)) == 0) {
            memcpy(node->output, outcome->output, outcome->output_elements * sizeof(float));
            node->outcome.output = node->output;
        } else {
            node->outcome.output = NULL;
            node->outcome.output_elements = 0;
            node->outcome.status = tdi_fail_memory(&node->outcome.reason);
        }
    }
    if (outcomes->tail)
        outcomes->tail->next = node;
    else
        outcomes->head = node;
    outcomes->tail = node;
    outcomes->count++;
}

int tdi_outcomes_take(tdi_outcomes *outcomes, td_outcome *out) {
    tdi_outcome_node *node = outcomes->head;
    if (outcomes->held) {
        outcomes->held->next = outcomes->idle;
        outcomes->idle = outcomes->held;
        outcomes->held = NULL;
    }
    if (!node)
        return 0;
    outcomes->head = node->next;
    if (!outcomes->head)
        outcomes->tail = NULL;
    outcomes->count--;
    node->next = NULL;
    outcomes->held = node;
    *out = node->outcome;
    return 1;
}
