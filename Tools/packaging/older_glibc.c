// SPDX-License-Identifier: Apache-2.0
// Functions that would tie the program to a C library newer than that of the oldest system that is supported.
#include <math.h>

// hypot(3): the C library has another version of it since 2.35, and Swift's own library refers to it.
float hypotf(float x, float y) {
    if (isinf(x) || isinf(y)) return INFINITY;
    // The squares of all floats are exact and finite as doubles.
    return (float)sqrt((double)x * x + (double)y * y);
}
