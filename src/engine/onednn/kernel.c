/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A primitive with its arguments as a kernel, and the kernel tied to one run's memory.
 */
#include "engine/onednn/onednn.h"

#include <string.h>

#include "base/memory.h"
#include "engine/team.h"
#include "graph/op.h"

typedef struct bound_kernel {
    tdi_bound base;
    const tdi_onednn_kernel *kernel;
    dnnl_stream_t stream; /* of its own: a stream is not for two threads */
    dnnl_exec_arg_t *args;
    int arg_count;
} bound_kernel;

td_status tdi_onednn_fail(td_error *err, const tdi_node *node, const char *what,
                          dnnl_status_t status) {
    if (status == dnnl_out_of_memory)
        return tdi_fail_memory(err);
    return tdi_fail(err, TD_UNSUPPORTED, "oneDNN refuses %s of %s (node \"%s\"), status %d", what,
                    node ? node->op->type : "a copy", node ? node->name : "", (int)status);
}

static tdi_onednn_arg *add_arg(tdi_onednn_kernel *kernel, int arg, tdi_onednn_source source,
                               int index, const dnnl_memory_desc_t *md) {
    tdi_onednn_arg *a = &kernel->args[kernel->arg_count++];
    a->arg = arg;
    a->source = source;
    a->index = index;
    a->md = *md;
    return a;
}

td_status tdi_onednn_kernel_new(const tdi_compile *compile, const_dnnl_primitive_desc_t pd,
                                int input_count, tdi_onednn_kernel **out, td_error *err) {
    tdi_onednn_kernel *kernel = tdi_arena_alloc(compile->arena, sizeof *kernel);
    if (!kernel)
        return tdi_fail_memory(err);
    /* Inputs, packs, output, scratchpad. */
    size_t args = (size_t)input_count + TDI_ONEDNN_PACKS_MAX + 2;
    kernel->args = tdi_arena_alloc(compile->arena, args * sizeof *kernel->args);
    size_t formats = (size_t)input_count + 1;
    kernel->formats = tdi_arena_alloc(compile->arena, formats * sizeof *kernel->formats);
    const char *name = "";
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    kernel->base.backend = &tdi_onednn_backend;
    kernel->base.implementation = tdi_arena_strdup(compile->arena, name);
    kernel->base.inputs = kernel->formats;
    kernel->base.overwrites = -1;
    kernel->base.may_overwrite = -1;
    const dnnl_memory_desc_t *dst = dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0);
    if (!kernel->args || !kernel->formats || !kernel->base.implementation ||
        tdi_onednn_format(&kernel->base.output, compile->arena, dst) != 0)
        return tdi_fail_memory(err);
    add_arg(kernel, DNNL_ARG_DST, TDI_ONEDNN_OUTPUT, 0, dst);
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md,
                                                                     0);
    kernel->base.scratch_bytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    if (kernel->base.scratch_bytes > 0)
        add_arg(kernel, DNNL_ARG_SCRATCHPAD, TDI_ONEDNN_SCRATCH, 0, scratch);
    dnnl_status_t status = dnnl_primitive_create(&kernel->primitive, pd);
    if (status != dnnl_success)
        return tdi_onednn_fail(err, NULL, "a primitive", status);
    *out = kernel;
    return TD_OK;
}

td_status tdi_onednn_kernel_input(const tdi_compile *compile, tdi_onednn_kernel *kernel, int index,
                                  int arg, const dnnl_memory_desc_t *md, td_error *err) {
    if (tdi_onednn_format(&kernel->formats[index], compile->arena, md) != 0)
        return tdi_fail_memory(err);
    if (arg != 0)
        add_arg(kernel, arg, TDI_ONEDNN_INPUT, index, md);
    return TD_OK;
}

void tdi_onednn_kernel_pack(tdi_onednn_kernel *kernel, int arg, const dnnl_memory_desc_t *md,
                            tdi_pack *pack) {
    add_arg(kernel, arg, TDI_ONEDNN_PACK, kernel->pack_count, md);
    kernel->packs[kernel->pack_count++] = pack;
    kernel->base.weights_bytes += pack->bytes;
}

void tdi_onednn_release(const tdi_compile *compile, tdi_kernel *base) {
    tdi_onednn_kernel *kernel = (tdi_onednn_kernel *)base;
    if (!kernel)
        return;
    dnnl_primitive_destroy(kernel->primitive);
    for (int i = 0; i < kernel->pack_count; i++)
        tdi_packs_put(compile->packs, kernel->packs[i]);
}

static void *memory_of(const tdi_onednn_kernel *kernel, const tdi_onednn_arg *arg,
                       const tdi_memory *memory) {
    switch (arg->source) {
    case TDI_ONEDNN_INPUT:
        return memory->inputs[arg->index];
    case TDI_ONEDNN_OUTPUT:
        return memory->output;
    case TDI_ONEDNN_PACK:
        return kernel->packs[arg->index]->data;
    case TDI_ONEDNN_SCRATCH:
        return memory->scratch;
    }
    return NULL;
}

td_status tdi_onednn_bind(const tdi_compile *compile, const tdi_kernel *base,
                          const tdi_memory *memory, tdi_bound **out, td_error *err) {
    const tdi_onednn_kernel *kernel = (const tdi_onednn_kernel *)base;
    const tdi_onednn *state = compile->state;
    td_status status;
    bound_kernel *bound = tdi_calloc(1, sizeof *bound);
    if (!bound)
        return tdi_fail_memory(err);
    bound->base.backend = &tdi_onednn_backend;
    bound->kernel = kernel;
    bound->args = tdi_calloc((size_t)kernel->arg_count, sizeof *bound->args);
    if (!bound->args ||
        dnnl_stream_create(&bound->stream, state->engine, dnnl_stream_in_order) != dnnl_success) {
        status = tdi_fail_memory(err);
        goto fail;
    }
    for (; bound->arg_count < kernel->arg_count; bound->arg_count++) {
        const tdi_onednn_arg *arg = &kernel->args[bound->arg_count];
        dnnl_exec_arg_t *exec = &bound->args[bound->arg_count];
        exec->arg = arg->arg;
        dnnl_status_t made = dnnl_memory_create(&exec->memory, &arg->md, state->engine,
                                                memory_of(kernel, arg, memory));
        if (made != dnnl_success) {
            status = tdi_onednn_fail(err, NULL, "memory", made);
            goto fail;
        }
    }
    *out = &bound->base;
    return TD_OK;
fail:
    tdi_onednn_unbind(&bound->base);
    return status;
}

void tdi_onednn_unbind(tdi_bound *base) {
    bound_kernel *bound = (bound_kernel *)base;
    if (!bound)
        return;
    for (int i = 0; i < bound->arg_count; i++)
        dnnl_memory_destroy(bound->args[i].memory);
    dnnl_stream_destroy(bound->stream);
    tdi_free(bound->args);
    tdi_free(bound);
}

td_status tdi_onednn_execute(tdi_bound *base, td_error *err) {
    bound_kernel *bound = (bound_kernel *)base;
    tdi_team_set_size(bound->kernel->threads);
    dnnl_status_t status = dnnl_primitive_execute(bound->kernel->primitive, bound->stream,
                                                  bound->arg_count, bound->args);
    if (status != dnnl_success)
        return tdi_fail(err, status == dnnl_out_of_memory ? TD_MEMORY : TD_UNSUPPORTED,
                        "oneDNN could not execute %s, status %d",
                        bound->kernel->base.implementation, (int)status);
    return TD_OK;
}
