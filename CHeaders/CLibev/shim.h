// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ev.h>

// Each function below stands for a libev macro that Swift cannot see.

// ev_io_init
static inline void clibev_io_init(ev_io *watcher, void (*callback)(struct ev_loop *, ev_io *, int), int fd, int events) {
    ev_io_init(watcher, callback, fd, events);
}

// ev_timer_init
static inline void clibev_timer_init(ev_timer *watcher, void (*callback)(struct ev_loop *, ev_timer *, int), double after) {
    ev_timer_init(watcher, callback, after, 0.);
}

// ev_async_init
static inline void clibev_async_init(ev_async *watcher, void (*callback)(struct ev_loop *, ev_async *, int)) {
    ev_async_init(watcher, callback);
}

// ev_signal_init
static inline void clibev_signal_init(ev_signal *watcher, void (*callback)(struct ev_loop *, ev_signal *, int), int number) {
    ev_signal_init(watcher, callback, number);
}
