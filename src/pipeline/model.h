/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share about a model: cuts by name, compiled halves, and what can be
 * told about it without running it.
 */
#ifndef TDI_PIPELINE_MODEL_H
#define TDI_PIPELINE_MODEL_H

#include "pipeline/pipeline.h"

/* Operators and class numbers, made once when the model is opened. */
typedef struct tdi_overview tdi_overview;
td_status tdi_overview_new(const td_model *model, tdi_overview **out, td_error *err);
void tdi_overview_free(tdi_overview *overview);

/* Name, dtype and shape of a value, with the batch symbolic again where the file had no number. */
td_tensor_info tdi_model_tensor(const td_model *model, int value);

/* A cut by name. The words `input` and `output` mean these cuts, also where a tensor is called so.
 */
typedef enum tdi_place_kind { TDI_PLACE_INPUT, TDI_PLACE_TENSORS, TDI_PLACE_OUTPUT } tdi_place_kind;

typedef struct tdi_place {
    tdi_place_kind kind;
    tdi_cut cut; /* at `input` and `output` the tensors are the graph's inputs and outputs */
} tdi_place;

td_status tdi_place_resolve(const td_model *model, const char *cut, tdi_place *out, td_error *err);
/* "input", "output", or the tensors' names in topological order with commas between. tdi_free(). */
char *tdi_place_name(const td_model *model, const tdi_place *place);
/* Layouts of the tensors that cross the cut; `layouts` has room for TDI_CUT_TENSORS_MAX. */
td_status tdi_place_layouts(const td_model *model, const tdi_place *place, td_layout *layouts,
                            td_error *err);

/* Descriptions of cuts that were asked for; they live as long as the model. */
typedef struct tdi_cut_table tdi_cut_table;
td_status tdi_cut_table_new(const td_model *model, tdi_cut_table **out, td_error *err);
void tdi_cut_table_free(tdi_cut_table *table);

/* Compiled halves in use, shared by all who run the same one. */
typedef enum tdi_part { TDI_PART_HEAD, TDI_PART_TAIL, TDI_PART_WHOLE } tdi_part;
typedef struct tdi_program_table tdi_program_table;
tdi_program_table *tdi_program_table_new(void);
void tdi_program_table_free(tdi_program_table *table);
/* Compiles the part, or finds it compiled. To be given back with tdi_model_program_release().
 * `settings` are resolved. */
td_status tdi_model_program(td_model *model, tdi_part part, const tdi_place *place,
                            const td_half_settings *settings, tdi_program **out, td_error *err);
/* NULL is allowed. The program is freed with its last user. */
void tdi_model_program_release(td_model *model, tdi_program *program);

/*
 * What settings come to (NULL: the defaults): a number of threads, and the precision that is
 * computed with. TD_ARGUMENT; TD_NOT_FOUND as td_model_precision().
 */
td_status tdi_half_resolve(const td_model *model, const td_half_settings *wanted,
                           td_half_settings *out, td_error *err);

/* Calibrations that were read. */
typedef struct tdi_calibration_table tdi_calibration_table;
tdi_calibration_table *tdi_calibration_table_new(void);
void tdi_calibration_table_free(tdi_calibration_table *table);

/*
 * The calibration that `strategy` needs at a cut: *out NULL where it needs none, TD_NOT_FOUND with
 * the remedy where it needs one that the model lacks.
 */
td_status tdi_model_calibration_for(td_model *model, const tdi_place *place, const char *strategy,
                                    const tdi_calibration_set **out, td_error *err);

#endif
