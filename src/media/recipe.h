/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applying a recipe: the fitted 8-bit HWC picture to the network's float input.
 */
#ifndef TDI_MEDIA_RECIPE_H
#define TDI_MEDIA_RECIPE_H

#include <tandem/picture.h>

/* Channels that the recipe yields: 1 or 3. */
int tdi_recipe_channels(const td_recipe *recipe);

/*
 * The fitted picture, recipe->width x recipe->height, grey or red, green, blue -> dense CHW floats,
 * whose channels are in the recipe's order.
 */
void tdi_recipe_apply(const td_recipe *recipe, const uint8_t *hwc, float *chw);

/* Where float channel `channel` comes from: the index of its sample in a pixel of the fitted
 * picture. */
int tdi_recipe_source_channel(const td_recipe *recipe, int channel);

#endif
