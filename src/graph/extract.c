/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graphs from graphs: the whole of one, or the part between given values.
 */
#include <string.h>

#include "base/text.h"
#include "graph/build.h"
#include "graph/path.h"

/* What is copied: flags per value and per node, and where each value ended up. */
typedef struct part {
    uint8_t *is_input; /* a value that the part takes as given */
    uint8_t *needed;   /* per value */
    uint8_t *kept;     /* per node */
    int *index;        /* value in the new graph; -1 */
} part;

static void part_fini(part *p) {
    tdi_free(p->is_input);
    tdi_free(p->needed);
    tdi_free(p->kept);
    tdi_free(p->index);
}

static td_status part_init(part *p, const tdi_graph *graph, td_error *err) {
    size_t values = (size_t)graph->value_count + 1, nodes = (size_t)graph->node_count + 1;
    p->is_input = tdi_calloc(values, 1);
    p->needed = tdi_calloc(values, 1);
    p->kept = tdi_calloc(nodes, 1);
    p->index = tdi_malloc(values * sizeof *p->index);
    if (!p->is_input || !p->needed || !p->kept || !p->index)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < values; i++)
        p->index[i] = -1;
    return TD_OK;
}

static int copy_attr(tdi_graph *to, tdi_node *node, const tdi_attr *from) {
    tdi_attr *attr = tdi_graph_add_attr(to, node, from->name, from->kind);
    if (!attr)
        return -1;
    attr->i = from->i;
    attr->f = from->f;
    attr->tensor = tdi_tensor_ref(from->tensor);
    attr->count = from->count;
    if (from->s && !(attr->s = tdi_arena_strdup(&to->arena, from->s)))
        return -1;
    size_t count = from->count;
    if (from->ints &&
        !(attr->ints = tdi_arena_copy(&to->arena, from->ints, count * sizeof *from->ints)))
        return -1;
    if (from->floats &&
        !(attr->floats = tdi_arena_copy(&to->arena, from->floats, count * sizeof *from->floats)))
        return -1;
    return 0;
}

static const char **copy_axes(tdi_graph *to, const tdi_value *value) {
    const char **axes = tdi_arena_alloc(&to->arena, TD_RANK_MAX * sizeof *axes);
    for (int i = 0; axes && i < value->shape.rank; i++)
        if (value->axes[i] && !(axes[i] = tdi_arena_strdup(&to->arena, value->axes[i])))
            return NULL;
    return axes;
}

static int copy_values(const tdi_graph *from, part *p, tdi_graph *to) {
    for (int i = 0; i < from->value_count; i++) {
        const tdi_value *value = &from->values[i];
        if (!p->needed[i])
            continue;
        p->index[i] = tdi_graph_add_value(to, value->name, value->dtype, &value->shape);
        if (p->index[i] < 0)
            return -1;
        tdi_value *copy = &to->values[p->index[i]];
        copy->depends_on_input = value->depends_on_input;
        copy->batched = value->batched;
        if (value->axes && !(copy->axes = copy_axes(to, value)))
            return -1;
        if (value->data && !p->is_input[i])
            copy->data = tdi_tensor_ref(value->data);
    }
    return 0;
}

/* The array of value indices in the new graph, in the arena. */
static int *map_indices(const part *p, tdi_graph *to, const int *values, int count) {
    int *mapped = tdi_arena_alloc(&to->arena, (size_t)count * sizeof *mapped + 1);
    for (int i = 0; mapped && i < count; i++)
        mapped[i] = values[i] < 0 ? -1 : p->index[values[i]];
    return mapped;
}

/* A name like `name` that no value of either graph has. */
static char *fresh_name(const tdi_graph *from, tdi_graph *to, const char *name) {
    for (int i = 0;; i++) {
        tdi_text text = {0};
        tdi_text_append(&text, "%s_unused%d", name, i);
        char *made = tdi_text_take(&text);
        if (!made || (tdi_graph_find(from, made) < 0 && tdi_graph_find(to, made) < 0))
            return made;
        tdi_free(made);
    }
}

/*
 * Outputs of a node. Where one of several is an input of the part, and the node is there for the
 * others' sake, its own result goes to a value that nobody reads.
 */
static int *map_outputs(const tdi_graph *from, const part *p, tdi_graph *to, const tdi_node *node) {
    int *mapped = map_indices(p, to, node->outputs, node->output_count);
    for (int i = 0; mapped && i < node->output_count; i++) {
        const tdi_value *value = mapped[i] < 0 ? NULL : &from->values[node->outputs[i]];
        if (!value || !p->is_input[node->outputs[i]])
            continue;
        char *name = fresh_name(from, to, value->name);
        mapped[i] = name ? tdi_graph_add_value(to, name, value->dtype, &value->shape) : -1;
        tdi_free(name);
        if (mapped[i] < 0)
            return NULL;
        to->values[mapped[i]].depends_on_input = value->depends_on_input;
        to->values[mapped[i]].batched = value->batched;
    }
    return mapped;
}

static int copy_nodes(const tdi_graph *from, const part *p, tdi_graph *to) {
    for (int n = 0; n < from->node_count; n++) {
        const tdi_node *node = &from->nodes[n];
        if (!p->kept[n])
            continue;
        int *inputs = map_indices(p, to, node->inputs, node->input_count);
        int *outputs = map_outputs(from, p, to, node);
        if (!inputs || !outputs)
            return -1;
        tdi_node *copy = tdi_graph_add_node(to, node->op, node->name, inputs, node->input_count,
                                            outputs, node->output_count);
        if (!copy)
            return -1;
        copy->macs = node->macs;
        for (size_t a = 0; a < node->attr_count; a++)
            if (copy_attr(to, copy, &node->attrs[a]))
                return -1;
    }
    return 0;
}

/* All of them: one whose tensor is not in the part is not found there. */
static int copy_aliases(const tdi_graph *from, tdi_graph *to) {
    if (!from->alias_count)
        return 0;
    to->aliases = tdi_arena_alloc(&to->arena, 2 * from->alias_count * sizeof *to->aliases);
    if (!to->aliases)
        return -1;
    for (size_t i = 0; i < 2 * from->alias_count; i++)
        if (!(to->aliases[i] = tdi_arena_strdup(&to->arena, from->aliases[i])))
            return -1;
    to->alias_count = from->alias_count;
    return 0;
}

/* Marks what the outputs need, not going past the part's inputs. */
static void mark_needed(const tdi_graph *graph, part *p, const int *outputs, int output_count) {
    for (int i = 0; i < output_count; i++)
        p->needed[outputs[i]] = 1;
    for (int n = graph->node_count - 1; n >= 0; n--) {
        const tdi_node *node = &graph->nodes[n];
        for (int i = 0; i < node->output_count && !p->kept[n]; i++) {
            int v = node->outputs[i];
            p->kept[n] = v >= 0 && p->needed[v] && !p->is_input[v];
        }
        for (int i = 0; p->kept[n] && i < node->input_count; i++)
            if (node->inputs[i] >= 0)
                p->needed[node->inputs[i]] = 1;
        /* An operator keeps outputs that nobody reads: few may be left out in a file. */
        for (int i = 0; p->kept[n] && i < node->output_count; i++)
            if (node->outputs[i] >= 0)
                p->needed[node->outputs[i]] = 1;
    }
}

static td_status copy_part(const tdi_graph *graph, part *p, const int *inputs, int input_count,
                           const int *outputs, int output_count, tdi_graph **out, td_error *err) {
    tdi_graph *to = tdi_graph_new(graph->name, graph->opset, graph->ir_version);
    if (!to)
        return tdi_fail_memory(err);
    to->batch = graph->batch;
    if (graph->batch_reason &&
        !(to->batch_reason = tdi_arena_strdup(&to->arena, graph->batch_reason)))
        goto fail;
    if (copy_values(graph, p, to) || copy_nodes(graph, p, to) || copy_aliases(graph, to))
        goto fail;
    int *mapped_inputs = map_indices(p, to, inputs, input_count);
    int *mapped_outputs = map_indices(p, to, outputs, output_count);
    if (!mapped_inputs || !mapped_outputs || tdi_graph_set_inputs(to, mapped_inputs, input_count) ||
        tdi_graph_set_outputs(to, mapped_outputs, output_count))
        goto fail;
    for (int i = 0; i < input_count; i++)
        to->symbolic_batch |= to->values[mapped_inputs[i]].batched;
    *out = to;
    return TD_OK;
fail:
    tdi_graph_free(to);
    return tdi_fail_memory(err);
}

td_status tdi_graph_copy(const tdi_graph *graph, tdi_graph **out, td_error *err) {
    part p = {0};
    td_status status = part_init(&p, graph, err);
    if (status == TD_OK) {
        memset(p.needed, 1, (size_t)graph->value_count);
        memset(p.kept, 1, (size_t)graph->node_count);
        status = copy_part(graph, &p, graph->inputs, graph->input_count, graph->outputs,
                           graph->output_count, out, err);
    }
    part_fini(&p);
    return status;
}

static td_status refuse_missing_input(const tdi_graph *graph, const part *p, const int *outputs,
                                      int output_count, td_error *err) {
    char path[TDI_PATH_TEXT_BYTES];
    int found;
    TD_TRY(tdi_path_around(graph, p->is_input, outputs, output_count, path, &found, err));
    if (!found)
        return TD_OK;
    return tdi_fail(err, TD_CUT, "the tensors do not separate input from output: %s gets around",
                    path);
}

td_status tdi_graph_extract(const tdi_graph *graph, const int *inputs, int input_count,
                            const int *outputs, int output_count, tdi_graph **out, td_error *err) {
    part p = {0};
    td_status status = part_init(&p, graph, err);
    if (status != TD_OK)
        goto end;
    for (int i = 0; i < input_count; i++) {
        if (graph->values[inputs[i]].data) {
            status = tdi_fail(err, TD_CUT, "\"%.100s\" is a constant, not an activation",
                              graph->values[inputs[i]].name);
            goto end;
        }
        p.is_input[inputs[i]] = p.needed[inputs[i]] = 1;
    }
    status = refuse_missing_input(graph, &p, outputs, output_count, err);
    if (status != TD_OK)
        goto end;
    mark_needed(graph, &p, outputs, output_count);
    status = copy_part(graph, &p, inputs, input_count, outputs, output_count, out, err);
end:
    part_fini(&p);
    return status;
}
