/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything stable. One network on two machines: td_model_open(), td_head_open(), td_codec_open(),
 * td_tail_open() run the parts by hand; td_device_open() and td_server_start() run them over a
 * connection.
 */
#ifndef TANDEM_TANDEM_H
#define TANDEM_TANDEM_H

#include <tandem/array.h>
#include <tandem/base.h>
#include <tandem/codec.h>
#include <tandem/device.h>
#include <tandem/model.h>
#include <tandem/picture.h>
#include <tandem/server.h>
#include <tandem/tensor.h>

#endif
