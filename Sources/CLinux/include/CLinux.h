/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Swift's view of glibc leaves out: calls that are inline, variadic or
 * missing there. Each returns what the call does, errno set.
 */
#ifndef CLINUX_H
#define CLINUX_H

#include <stdint.h>
#include <sys/signalfd.h>

/* A descriptor for sonde_epoll_add() and sonde_epoll_wait(). */
int sonde_epoll(void);

/* Waits for `fd` to be readable, from now on. Edge-triggered: only for changes.
 */
int sonde_epoll_add(int epoll, int fd, int edge_triggered);

/* Waits until descriptors are ready; puts up to `count` of them into `ready`
 * and returns how many.
 */
int sonde_epoll_wait(int epoll, int *ready, int count);

/* Blocks the signals and returns a descriptor from which they are read. */
int sonde_signalfd(const int *signals, int count);

/* A CLOCK_MONOTONIC timer that has not been set. */
int sonde_timerfd(void);

/* Sets the timer to expire at `first` (CLOCK_MONOTONIC, ns), then every
 * `period` ns.
 */
int sonde_timerfd_set(int fd, uint64_t first, uint64_t period);

/* pidfd_open(2): readable once the process has ended. */
int sonde_pidfd_open(int pid);

/* The calling thread's id, in its own PID namespace. */
int sonde_gettid(void);

/* From now on `signal` ends the process with `status`, at once. */
int sonde_exit_on_signal(int signal, int status);

/* Columns and rows of a terminal; -1 where `fd` is none. */
int sonde_terminal_size(int fd, int *columns, int *rows);

#endif
