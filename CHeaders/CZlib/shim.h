// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes next_in a pointer to const: zlib never writes to its input, and a Swift array must not be copied to prove it.
#define ZLIB_CONST
#include <zlib.h>

// deflateInit2
static inline int czlib_deflate_init_gzip(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

// inflateInit2
static inline int czlib_inflate_init_gzip(z_stream *stream) {
    return inflateInit2(stream, 15 + 16);
}
