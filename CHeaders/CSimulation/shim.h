// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdbool.h>
#include <stdint.h>

// The order in which Swift's sets and dictionaries list their elements depends on these (stdlib/public/SwiftShims,
// GlobalObjects.h). Written as the first statement of a program, the order depends on the seed alone.
struct csimulation_hashing_parameters {
    uint64_t seed0;
    uint64_t seed1;
    bool deterministic;
};
extern struct csimulation_hashing_parameters _swift_stdlib_Hashing_parameters;

static inline void csimulation_seed_hashing(uint64_t seed) {
    _swift_stdlib_Hashing_parameters.seed0 = seed;
    _swift_stdlib_Hashing_parameters.seed1 = seed ^ 0x5DEECE66DULL;
    _swift_stdlib_Hashing_parameters.deterministic = true;
}

// Where a debugger stops: break on this name.
static inline __attribute__((noinline)) void simulation_stop_here(void) { __asm__ volatile(""); }
