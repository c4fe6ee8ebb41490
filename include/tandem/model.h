/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network: what is in it, where it can be cut, and its two halves.
 */
#ifndef TANDEM_MODEL_H
#define TANDEM_MODEL_H

#include <tandem/array.h>
#include <tandem/base.h>
#include <tandem/codec.h>
#include <tandem/picture.h>
#include <tandem/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A loaded model: an ONNX file, or a bundle with recipe, labels and calibration. Immutable, shared
 * by threads. */
typedef struct td_model td_model;

/*
 * Opens an .onnx file or a bundle folder. Everything that cannot be run is refused here:
 * TD_UNSUPPORTED names the operator and the node, TD_FORMAT the place in a damaged file. Blocks
 * while reading. The caller owns one reference.
 *
 * Large weights are read when halves are opened: the file stays open as long as the model. It may
 * be deleted or replaced by another; one that is written to in place makes calls that need its
 * weights return TD_MISMATCH.
 */
TD_API td_status td_model_open(const char *path, td_model **out, td_error *err);

/*
 * Opening with the sizes of inputs bound. A file may leave sizes open (a symbolic height, width or
 * length): all but axis 0, which counts pictures, must be bound, and TD_ARGUMENT names those that
 * are not. Axis 0 stays open unless it is bound, too.
 */
typedef struct td_model_settings {
    const td_input_shape *input_shapes;
    size_t input_shape_count;
} td_model_settings;

TD_API td_model_settings td_model_settings_default(void);
/* `settings` NULL: the default, which binds nothing. */
TD_API td_status td_model_open_with(const char *path, const td_model_settings *settings,
                                    td_model **out, td_error *err);

/*
 * The same network for other sizes of its inputs; without reading it again, and sharing its
 * weights, packed ones included. The recipe fits pictures to the new size; a bundle's calibration
 * does not hold for it and is left out. `model` stays as it is.
 */
TD_API td_status td_model_rebind(td_model *model, const td_input_shape *shapes, size_t shape_count,
                                 td_model **out, td_error *err);

TD_API td_model *td_model_ref(td_model *model);
TD_API void td_model_unref(td_model *model);

TD_API const char *td_model_name(const td_model *model);

typedef struct td_tensor_info {
    const char *name; /* owned by the model */
    td_dtype dtype;
    td_shape shape; /* TD_DIM_SYMBOLIC where the file has no number */
} td_tensor_info;

TD_API size_t td_model_input_count(const td_model *model);
TD_API size_t td_model_output_count(const td_model *model);
/* TD_ARGUMENT where there is no such input or output. */
TD_API td_status td_model_input(const td_model *model, size_t index, td_tensor_info *out);
TD_API td_status td_model_output(const td_model *model, size_t index, td_tensor_info *out);

typedef struct td_operator_info {
    const char *type; /* "Conv" */
    size_t nodes;
    int64_t macs; /* multiply-accumulates per picture, of convolutions and matrix products */
} td_operator_info;

/* Operators that are in the model, by name. */
TD_API size_t td_model_operator_count(const td_model *model);
TD_API td_status td_model_operator(const td_model *model, size_t index, td_operator_info *out);

/* Multiply-accumulates per picture, and elements of all weights. */
TD_API int64_t td_model_macs(const td_model *model);
TD_API int64_t td_model_parameters(const td_model *model);

typedef struct td_cut_info {
    const char *name; /* "a", or "a,b" for a cut of several tensors */
    size_t tensor_count;
    const td_tensor_info *tensors; /* in the order in which they are sent; batch axis included */
    int64_t elements;              /* of all tensors, per picture */
    int64_t head_macs;
    double head_share; /* head_macs / MACs of the model, 0..1 */
} td_cut_info;

/* The legal single-tensor cuts, from input to output; `input` and `output` themselves not counted.
 */
TD_API size_t td_model_cut_count(const td_model *model);
TD_API td_status td_model_cut(const td_model *model, size_t index, td_cut_info *out);

/*
 * Describes any cut by name: one tensor, several separated by commas, `input` or `output`. The
 * pointers in `out` live as long as the model. TD_NOT_FOUND where there is no such tensor (the
 * message names near ones), TD_CUT where the set does not separate input from output: the message
 * names a path that gets around it. Thread-safe.
 */
TD_API td_status td_model_cut_find(td_model *model, const char *cut, td_cut_info *out,
                                   td_error *err);

/* The graph in Graphviz' language, legal cuts marked. The caller frees *out with td_free(). */
TD_API td_status td_model_dot(const td_model *model, char **out, td_error *err);

/*
 * Writes `dir`/head.onnx and `dir`/tail.onnx (the folder is made where it is missing, parts are
 * written under another name and renamed). With `strategy` not NULL its quantizer becomes the last
 * operators of the head and its dequantizer the first of the tail.
 */
TD_API td_status td_model_split(td_model *model, const char *cut, const char *strategy,
                                const char *dir, td_error *err);

/* How the outputs are to be read. */
typedef enum td_output_kind {
    TD_OUTPUT_LOGITS = 0,
    TD_OUTPUT_PROBABILITIES = 1,
    TD_OUTPUT_RAW = 2
} td_output_kind;

TD_API td_output_kind td_model_output_kind(const td_model *model);

/* The recipe of a bundle. For an ONNX file: `torch`'s where the input has 3 channels, `unit`'s in
 * grey where it has 1. */
TD_API const td_recipe *td_model_recipe(const td_model *model);

typedef struct td_label {
    const char *id;          /* "n01440764"; "" where the file has none */
    const char *name;        /* "tench"; the class number where the model has no labels */
    const char *description; /* "" where the file has none */
} td_label;

/* Label of class `index`; strings are owned by the model, valid as long as it is. */
TD_API td_label td_model_label(const td_model *model, int32_t index);

/*
 * The calibration of one tensor of a cut; NULL where the bundle has none. The reference belongs to
 * the model.
 */
TD_API td_calibration *td_model_calibration(td_model *model, const char *cut, size_t tensor_index);

/* One class of a result. */
typedef struct td_prediction {
    int32_t index;
    float score; /* a probability */
} td_prediction;

/*
 * The `count` likeliest classes, best first, of an output of `classes` values. Returns how many
 * were written.
 */
TD_API size_t td_top(const float *output, size_t classes, td_output_kind kind, td_prediction *out,
                     size_t count);

/*
 * From now on, halves that are opened, and all that opens halves, choose their kernels by what they
 * take on this machine with these shapes. Kernels are timed when a half first needs them, which can
 * take seconds; what was found is kept in `path`; NULL: tandem/kernels in the user's cache folder
 * ($XDG_CACHE_HOME, else ~/.cache). A file that cannot be read is as good as none. Results differ
 * from those of other kernels by rounding. td_prepare() measures nothing: bundles do not depend on
 * a choice that time makes.
 *
 * For the whole process: call it, at most once, before other threads call the library. `progress`
 * (may be NULL) is told of kernels being timed; its result is ignored. TD_MEMORY, TD_ARGUMENT.
 */
TD_API td_status td_tuning_start(const char *path, td_progress_fn progress, void *user,
                                 td_error *err);
/* Back to kernels chosen unmeasured; frees what start took. */
TD_API void td_tuning_stop(void);

/*
 * What a half is computed with where `wanted` is asked for: float32 instead of a precision that the
 * processor has no instructions for, else `wanted` itself. TD_NOT_FOUND for TD_PRECISION_INT8 where
 * the model has no ranges of its tensors: they come with a bundle that td_prepare() made.
 */
TD_API td_status td_model_precision(const td_model *model, td_precision wanted, td_precision *out,
                                    td_error *err);
/* Whether the processor has instructions for it. */
TD_API int td_precision_available(td_precision precision);

/* Settings of a half. td_half_settings_default() fills in the defaults. */
typedef struct td_half_settings {
    int threads;            /* threads inside an operator; 1..64; default 1; 0: one per processor */
    td_precision precision; /* default float32; see td_model_precision() */
} td_half_settings;

TD_API td_half_settings td_half_settings_default(void);

/*
 * The first half: from a picture to the feature tensors of a cut. At the cut `input` that is the
 * fitted 8-bit HWC picture itself, at `output` the outputs of the network. Used by one thread at a
 * time; halves of the same model share its weights.
 */
typedef struct td_head td_head;

TD_API td_status td_head_open(td_model *model, const char *cut, const td_half_settings *settings,
                              td_head **out, td_error *err);
TD_API void td_head_close(td_head *head);
TD_API size_t td_head_tensor_count(const td_head *head);
TD_API td_layout td_head_layout(const td_head *head, size_t index);
/*
 * Runs the half. On success features[i] points at tensor i in its layout, owned by the head and
 * valid until its next run.
 */
TD_API td_status td_head_run(td_head *head, const td_picture *picture, const void **features,
                             td_error *err);

/* The second half: from the feature tensors of a cut to the outputs of the network. */
typedef struct td_tail td_tail;

TD_API td_status td_tail_open(td_model *model, const char *cut, const td_half_settings *settings,
                              td_tail **out, td_error *err);
TD_API void td_tail_close(td_tail *tail);
TD_API size_t td_tail_output_count(const td_tail *tail);
TD_API int64_t td_tail_output_elements(const td_tail *tail, size_t index);
/* Runs the half. outputs[i] points at output i, float32, owned by the tail and valid until its next
 * run. */
TD_API td_status td_tail_run(td_tail *tail, const void *const *features, const float **outputs,
                             td_error *err);

/* Packed weights of the layers that one implementation computes. */
typedef struct td_memory_kind {
    const char *implementation; /* "onednn brgconv:avx512_core" */
    size_t layers, bytes;
} td_memory_kind;

/* What running the whole network, a head or a tail takes. */
typedef struct td_memory_part {
    const char *name;      /* "network", "head" or "tail" */
    size_t weights_bytes;  /* packed for the kernels; shared by threads, and by parts of a model */
    size_t constant_bytes; /* the same for other constants */
    size_t arena_bytes;    /* activations, per running thread */
    size_t scratch_bytes;  /* the kernels' working memory, per running thread */
    const td_memory_kind *kinds; /* of weights_bytes, largest first */
    size_t kind_count;
} td_memory_part;

typedef struct td_memory_report {
    size_t model_bytes; /* constants as the file has them: small ones, which are kept */
    td_memory_part parts[2];
    size_t part_count; /* 1 at `input` and `output`, where one half is the whole network */
    void *storage;     /* of what the parts point to */
} td_memory_report;

/*
 * What running takes at a cut (NULL: the whole network). Compiles the parts, as opening them would,
 * and blocks for that long. On success td_memory_report_clear() releases what `out` holds.
 */
TD_API td_status td_model_memory(td_model *model, const char *cut, const td_half_settings *settings,
                                 td_memory_report *out, td_error *err);
TD_API void td_memory_report_clear(td_memory_report *report);

/*
 * A network on arrays as they are: no picture, no recipe, every input and output in its own element
 * type, so that outputs can be compared with another runtime's. At a cut the tensors go through a
 * codec from the head to the tail, in this process. Used by one thread at a time.
 */
typedef struct td_array_run td_array_run;

typedef struct td_array_run_settings {
    const char *cut; /* NULL or `output`: uncut; `input` is for pictures, and refused */
    /* NULL: what the bundle says for that cut, else `raw`; uncut: none. Not without a cut. */
    const char *codec;
    int64_t batch; /* what a symbolic batch is bound to; default 1 */
    int threads;   /* as in td_half_settings */
    td_precision precision;
} td_array_run_settings;

TD_API td_array_run_settings td_array_run_settings_default(void);

/* Blocks while compiling. Settings are copied, the model is referenced. TD_ARGUMENT, TD_CUT,
 * TD_STRATEGY and so on say which setting does not fit. */
TD_API td_status td_array_run_open(td_model *model, const td_array_run_settings *settings,
                                   td_array_run **out, td_error *err);
TD_API void td_array_run_close(td_array_run *run);
/* The strategy with every setting written out; NULL where no codec takes part. Owned by the run. */
TD_API const char *td_array_run_codec(const td_array_run *run);

typedef struct td_array_result {
    const td_array *outputs; /* of the model, in its order; owned by the run, valid until it is used
                                again */
    size_t output_count;
    size_t bytes; /* encoded size of the cut's tensors, all pictures together; 0 without a codec */
    td_duration ic, ec, es, is; /* what head, encoder, decoder and tail took */
} td_array_result;

/*
 * Runs once. inputs[i] is the array of the model's input i; TD_MISMATCH where element type or shape
 * differ from what the model and the batch say. Blocks while computing.
 */
TD_API td_status td_array_run_execute(td_array_run *run, const td_array *inputs, size_t input_count,
                                      td_array_result *out, td_error *err);

#ifdef __cplusplus
}
#endif

#endif
