/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_OF_SIGINT (128 + SIGINT)

static int told[2] = {-1, -1};
static volatile sig_atomic_t told_before;
static struct sigaction before[NSIG];
static sigset_t caught;

static char *unfinished;
static char *last_words;

/* In a signal handler, maybe in the midst of a write: system calls only. */
static void __attribute__((noreturn)) leave(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};

	if (unfinished)
		unlink(unfinished);
	if (last_words && poll(&output, 1, 0) == 1 &&
	    write(STDOUT_FILENO, last_words, strlen(last_words)) < 0)
		_exit(STATUS_OF_SIGINT);
	_exit(STATUS_OF_SIGINT);
}

static void tell(int signal, siginfo_t *info, void *context)
{
	int error = errno, told_signal = signal;

	(void)context;
	/* That it is closed a terminal tells the leader of its session alone.
	 */
	if (info->si_code == SI_KERNEL && signal != SIGHUP)
		told_signal |= SONDE_SIGNAL_OF_TERMINAL;
	if (signal == SIGINT && told_before)
		leave();
	told_before = 1;
	/* A full pipe tells as well. */
	if (write(told[1], &told_signal, sizeof(told_signal)) < 0)
		errno = error;
	errno = error;
}

int sonde_catch_signals(const int *signals, int count)
{
	struct sigaction action = {.sa_sigaction = tell,
				   .sa_flags = SA_RESTART | SA_SIGINFO};

	sonde_release_signals();
	if (pipe2(told, O_CLOEXEC | O_NONBLOCK))
		return -1;
	told_before = 0;
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
	return told[0];
}

void sonde_release_signals(void)
{
	for (int signal = 1; signal < NSIG; signal++) {
		if (sigismember(&caught, signal) == 1)
			sigaction(signal, &before[signal], NULL);
	}
	sigemptyset(&caught);
	for (int i = 0; i < 2; i++) {
		if (told[i] >= 0)
			close(told[i]);
		told[i] = -1;
	}
}

void sonde_on_forced_exit(const char *file, const char *words)
{
	char *old_file = unfinished;
	char *old_words = last_words;

	unfinished = file ? strdup(file) : NULL;
	last_words = words ? strdup(words) : NULL;
	free(old_file);
	free(old_words);
}

void sonde_reserve_standard_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		/* The lowest that is free, which is this one. */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			return;
	}
}
