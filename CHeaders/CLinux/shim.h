// SPDX-License-Identifier: Apache-2.0
#pragma once
// Without this, Swift takes the types of the C library for part of this module.
#pragma clang module import SwiftGlibc
#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

// Each function below stands for something of the C library that Swift cannot use.

// environ, a variable that Swift takes for a data race
static inline char **clinux_environment(void) {
    extern char **environ;
    return environ;
}

// prctl, which takes a variable number of arguments
static inline int clinux_forbid_dumps(void) {
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

// malloc_trim(3), of a header that Swift's Glibc module leaves out
static inline int clinux_trim_heap(void) {
    return malloc_trim(0);
}
