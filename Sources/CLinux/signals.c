/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STATUS_OF_SIGINT (128 + SIGINT)

static int notes[2] = {-1, -1};
static _Atomic uint64_t requested_at;
static struct sigaction before[NSIG];
static sigset_t caught;

static char *unfinished;

/* In a signal handler, maybe in the midst of a write: system calls only. */
static void __attribute__((noreturn)) leave(void)
{
	if (unfinished)
		unlink(unfinished);
	sonde_screen_end();
	_exit(STATUS_OF_SIGINT);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void tell(int signal, siginfo_t *info, void *context)
{
	int error = errno, number = signal;

	(void)context;
	/* That it is closed a terminal tells the leader of its session alone.
	 */
	if (info->si_code == SI_KERNEL && signal != SIGHUP)
		number |= SONDE_SIGNAL_OF_TERMINAL;
	if (signal == SIGUSR1 || signal == SIGWINCH)
		/* no end */;
	else if (requested_at == 0)
		requested_at = now();
	else if (signal == SIGINT)
		leave();
	/* A full pipe tells as well. */
	if (write(notes[1], &number, sizeof(number)) < 0)
		errno = error;
	errno = error;
}

int sonde_catch_signals(const int *signals, int count)
{
	/* No SA_RESTART: what blocks for ever is to return. */
	struct sigaction action = {.sa_sigaction = tell,
				   .sa_flags = SA_SIGINFO};

	sonde_release_signals();
	if (pipe2(notes, O_CLOEXEC | O_NONBLOCK))
		return -1;
	requested_at = 0;
	for (int i = 0; i < count; i++) {
		struct sigaction *old = &before[signals[i]];

		if (sigaction(signals[i], NULL, old))
			return -1;
		if (signals[i] == SIGHUP && old->sa_handler == SIG_IGN)
			continue;
		if (sigaction(signals[i], &action, NULL))
			return -1;
		sigaddset(&caught, signals[i]);
	}
	return notes[0];
}

void sonde_release_signals(void)
{
	for (int signal = 1; signal < NSIG; signal++) {
		if (sigismember(&caught, signal) == 1)
			sigaction(signal, &before[signal], NULL);
	}
	sigemptyset(&caught);
	for (int i = 0; i < 2; i++) {
		if (notes[i] >= 0)
			close(notes[i]);
		notes[i] = -1;
	}
}

uint64_t sonde_end_requested_at(void)
{
	return requested_at;
}

void sonde_remove_on_forced_exit(const char *file)
{
	char *old = unfinished;

	unfinished = file ? strdup(file) : NULL;
	free(old);
}

bool sonde_wait_writable(int fd, int timeout)
{
	struct pollfd waiting[] = {
		{.fd = fd, .events = POLLOUT},
		/* Ready for good, once an end was requested and until it is
		 * read.
		 */
		{.fd = requested_at ? -1 : notes[0], .events = POLLIN},
	};

	return poll(waiting, 2, timeout) > 0 && waiting[0].revents;
}

void sonde_reserve_standard_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		/* The lowest that is free, which is this one. */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			return;
	}
}
