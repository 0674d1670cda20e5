/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#define RINGFENCE_VERSION "0.1.0"
