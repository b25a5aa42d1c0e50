// SPDX-License-Identifier: Apache-2.0
#pragma once
// Without this, Swift takes the types of the C library for part of this module.
#pragma clang module import SwiftGlibc
#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

// prctl, which takes a variable number of arguments
static inline int clinux_end_with_parent(int signal) {
    return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0);
}

// malloc_trim(3), of a header that Swift's Glibc module leaves out
static inline int clinux_trim_heap(void) {
    return malloc_trim(0);
}

// pidfd_open(2), for which the C library has a function only since 2.36: systems are supported whose own is older
static inline int clinux_open_process(pid_t process) {
    return (int)syscall(SYS_pidfd_open, process, 0);
}

// posix_spawn_file_actions_addclosefrom_np(3), hidden behind _GNU_SOURCE
static inline int clinux_close_others(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

// posix_spawn_file_actions_addchdir_np(3), likewise
static inline int clinux_change_directory(posix_spawn_file_actions_t *actions, const char *path) {
    return posix_spawn_file_actions_addchdir_np(actions, path);
}

// pipe2(2), likewise
static inline int clinux_open_pipe(int ends[2], int flags) {
    return pipe2(ends, flags);
}

// SYNC_FILE_RANGE_WRITE of sync_file_range(2), hidden behind _GNU_SOURCE
static inline int clinux_begin_write_back(int file, off_t start, off_t count) {
    return sync_file_range(file, start, count, 2);
}

// cachestat(2), for which the C library has no function: how many pages of that range are not on the disk yet; negative
// where the kernel does not tell (before Linux 6.5)
static inline long clinux_unwritten_pages(int file, off_t start, off_t count) {
    unsigned long long range[2] = {(unsigned long long)start, (unsigned long long)count};
    // cached, dirty, in write-back, evicted, evicted recently
    unsigned long long pages[5] = {0};
    return syscall(451, file, range, pages, 0) < 0 ? -1 : (long)(pages[1] + pages[2]);
}
