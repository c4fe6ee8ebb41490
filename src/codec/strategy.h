/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategy strings: parsing and canonical formatting. docs/strategies.md has the grammar.
 */
#ifndef TDI_CODEC_STRATEGY_H
#define TDI_CODEC_STRATEGY_H

#include "codec/stage.h"

#define TDI_STRATEGY_STAGES_MAX 2
#define TDI_STRATEGY_TEXT_MAX   255 /* bytes, without the NUL */

typedef struct tdi_strategy {
    size_t count;
    tdi_stage_spec stages[TDI_STRATEGY_STAGES_MAX];
} tdi_strategy;

/*
 * Parses, fills in defaults (the implied `+pack`, too) and checks that the stages fit each other.
 * TD_STRATEGY with the position in err->offset.
 */
td_status tdi_strategy_parse(const char *text, tdi_strategy *out, td_error *err);

/* Every setting written out; freed with tdi_free(); NULL when out of memory. Parsing it gives the
 * same strategy. */
char *tdi_strategy_format(const tdi_strategy *strategy);

int tdi_strategy_uses_calibration(const tdi_strategy *strategy);

#endif
