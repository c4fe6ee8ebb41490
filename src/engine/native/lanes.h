/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The width of the kernels: channels in a vector, and in a block of TDI_LAYOUT_NCHW16C.
 */
#ifndef TDI_ENGINE_NATIVE_LANES_H
#define TDI_ENGINE_NATIVE_LANES_H

#define TDI_LANES 16

/* Blocks of `channels` channels. */
static inline int tdi_blocks(int channels) {
    return (channels + TDI_LANES - 1) / TDI_LANES;
}

#endif
