// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <malloc.h>
#include <openssl/rsa.h>
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

static inline int csimulation_sign(int count, const unsigned char *from, unsigned char *to, RSA *key, int padding) {
    int size = RSA_size(key);
    for (int index = 0; index < size; index++) to[index] = from[index % count];
    return size;
}

// Has RSA keys that are loaded later sign with bytes that prove nothing: a signature with even the smallest key takes a
// tenth of a run, and the simulated services look at what is signed and not at the signature. RSA_set_default_method(3)
static inline bool csimulation_replace_signing(void) {
    RSA_METHOD *method = RSA_meth_dup(RSA_PKCS1_OpenSSL());
    if (!method || !RSA_meth_set_priv_enc(method, csimulation_sign)) return false;
    RSA_set_default_method(method);
    return true;
}

// Keeps the memory that a run once had: to give it back and take it again a page at a time is a twentieth of a run.
// mallopt(3)
static inline void csimulation_keep_memory(void) {
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 16 << 20);
}

// Where a debugger stops: break on this name.
static inline __attribute__((noinline)) void simulation_stop_here(void) { __asm__ volatile(""); }
