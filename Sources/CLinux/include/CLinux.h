/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Swift's view of glibc leaves out: calls that are inline, variadic or
 * missing there. Each returns what the call does, errno set.
 */
#ifndef CLINUX_H
#define CLINUX_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A descriptor for sonde_epoll_add() and sonde_epoll_wait(). */
int sonde_epoll(void);

enum sonde_interest {
	SONDE_READABLE,
	/* edge-triggered: only that it becomes so */
	SONDE_BECOMES_READABLE,
	/* that the other side has gone */
	SONDE_HANGUP,
};

/* Waits for that of `fd`, from now on. */
int sonde_epoll_add(int epoll, int fd, enum sonde_interest interest);

/* Waits until descriptors are ready; puts up to `count` of them into `ready`
 * and returns how many.
 */
int sonde_epoll_wait(int epoll, int *ready, int count);

/* Set in the int beside the number: a key sent it, and the terminal gave it to
 * all of its foreground processes.
 */
#define SONDE_SIGNAL_OF_TERMINAL 0x100

/* From now on the signals do nothing but to appear, as an int each, on the
 * descriptor that is returned; a SIGINT that comes after another of them ends
 * the process at once with status 130. SIGUSR1 and SIGWINCH are no requests to
 * end. SIGHUP stays ignored where it is, as under nohup. Handlers and not
 * signalfd(2): while a write blocks, nobody reads a descriptor. One at a time;
 * until sonde_release_signals().
 */
int sonde_catch_signals(const int *signals, int count);
void sonde_release_signals(void);

/* When the first of the signals came that ask for an end, since they are
 * caught, CLOCK_MONOTONIC, ns; 0 for none.
 */
uint64_t sonde_end_requested_at(void);

/* A file to remove where the process ends at once; NULL for none. */
void sonde_remove_on_forced_exit(const char *file);

/* Waits until `fd`, where it is not negative, takes what is written, for at
 * most `timeout` ms (-1: for ever), or until the first signal comes. Whether
 * `fd` is ready, an error included.
 */
bool sonde_wait_writable(int fd, int timeout);

/* What `fd` writes to, as a descriptor of its own that doesn't block; -1 for
 * other than pipes and terminals and where that isn't permitted.
 */
int sonde_open_without_waiting(int fd);

/* A new file in the directory, to write to, that has no name yet. */
int sonde_open_unnamed(const char *directory);

/* Whether a write of more than PIPE_BUF bytes can block though `fd` is ready.
 */
bool sonde_write_may_block(int fd);

/* write(2), and of a socket what it takes at once. */
ssize_t sonde_write_now(int fd, const void *bytes, size_t size);

enum sonde_screen_kind {
	/* A place on the terminal that is drawn over. */
	SONDE_SCREEN_PLACE,
	/* The same, and what is typed is kept from being shown. */
	SONDE_SCREEN_QUIET,
	/* The alternate screen, with mouse reporting. */
	SONDE_SCREEN_WHOLE,
};

/* Starts a child that gives the terminal back should this process be killed
 * while it has the alternate screen. Early, while there is little for a fork to
 * copy.
 */
void sonde_screen_guard(int fd);

/* Takes a terminal, and hides its cursor, until sonde_screen_end(), but while
 * the process is stopped by Ctrl-Z. Keys that send signals still do. One
 * terminal at a time.
 */
void sonde_screen_begin(int fd, enum sonde_screen_kind kind);

/* Counts takeovers of the terminal: where it changes all is to be drawn anew. 0
 * while the terminal is another's.
 */
int sonde_screen_takes(void);

/* What has been typed, up to `size` bytes, without waiting for more than
 * `timeout` ms; 0 where there is nothing or the terminal is another's, -1 where
 * it has gone.
 */
ssize_t sonde_read_keys(int fd, void *bytes, size_t size, int timeout);

/* All as it was; what was typed meanwhile is forgotten. Nothing where no screen
 * was begun.
 */
void sonde_screen_end(void);

/* A CLOCK_MONOTONIC timer that has not been set. */
int sonde_timerfd(void);

/* Sets the timer to expire at `first` (CLOCK_MONOTONIC, ns), then every
 * `period` ns.
 */
int sonde_timerfd_set(int fd, uint64_t first, uint64_t period);

/* Waits for the semaphore, but no longer than that, whatever the wall clock
 * does meanwhile: sem_clockwait(3), again where a signal comes.
 */
int sonde_semaphore_wait(sem_t *semaphore, uint64_t nanoseconds);

/* Readable once the process, or the single thread, has ended. Before Linux 6.9
 * EINVAL for a thread that doesn't lead its process.
 */
int sonde_pidfd_open(int tid);

/* The calling thread's id, in its own PID namespace. */
int sonde_gettid(void);

/* Keeps descriptors 0 to 2 from being given to something else where they are
 * closed: it takes what is written for output, and output for a message.
 * Writing to one that was closed still fails.
 */
void sonde_reserve_standard_descriptors(void);

/* Columns and rows of a terminal; -1 where `fd` is none. */
int sonde_terminal_size(int fd, int *columns, int *rows);

/* Starts a program, found by PATH, that runs once a byte is written to `gate`,
 * and not at all where that is closed before. What it prints goes to `output`,
 * and it is the leader of a process group, killed as this process ends;
 * where that is -1 it shares output and group with this process. Where it can't
 * run, the errno can be read from `report`, as an int; otherwise that is at its
 * end. The process id, or -1 and errno.
 */
int sonde_start_held(char *const *arguments, int output, int *gate,
		     int *report);

/* How a child has ended, which is still to be waited for: its exit status, or
 * 128 and the signal's number; -1 while it lives. `wait` for its end.
 */
int sonde_exit_status(int pid, bool wait);

/* From now on this process is the parent of its descendants whose own parents
 * end: PR_SET_CHILD_SUBREAPER of prctl(2).
 */
void sonde_adopt_orphans(void);

/* Mounts tracefs where it belongs, for this process and its future children
 * alone. -1 and errno where that isn't permitted.
 */
int sonde_mount_tracefs(void);

/* Whether the first argument of a system call, by number, is an open file that
 * it reads, writes or looks at.
 */
bool sonde_call_is_about_file(long number);

/* Fixes glibc's mmap and trim thresholds at 1 MiB (mallopt(3)). By default both
 * are dynamic: freeing a block as large as the kernel's BTF raises them, after
 * which free() no longer trims; and malloc_trim() never trims the top of a
 * non-main arena (mtrim()).
 */
void sonde_keep_heap_small(void);

/* Gives memory that was freed back to the system: malloc_trim(3). */
void sonde_trim_heap(void);

/* Listens on a TCP port (0: any that is free) of an IP address. A non-blocking
 * socket, with the port in `actual`; -1 and errno: EINVAL where it is no
 * address.
 */
int sonde_listen(const char *address, uint16_t port, uint16_t *actual);

/* A connection, non-blocking; -1 and errno. */
int sonde_accept(int listener);

/* 1 where only this machine reaches that IP address, 0 where others do, -1
 * where it is none.
 */
int sonde_is_loopback(const char *address);

#endif
