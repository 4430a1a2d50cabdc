// zlib for Swift: inflate only. It is linked from libz.a (Package.swift), so that the Debian
// package depends on no more libraries than it must.
#ifndef CZLIB_SHIM_H
#define CZLIB_SHIM_H

#include <zlib.h>

// inflateInit2 is a macro. 15 + 16: the largest window, and a gzip wrapper only.
static inline int zlib_inflate_init_gzip(z_stream *stream) {
    return inflateInit2(stream, 15 + 16);
}

#endif
