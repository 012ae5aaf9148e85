/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CSupport.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Runs between fork and exec of a process with threads: system calls only. */
static void __attribute__((noreturn))
become(const struct sonde_command *command)
{
	sigset_t none;
	int held[3];

	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL},
			  NULL);
	if (command->ignored_signal)
		sigaction(command->ignored_signal,
			  &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Otherwise in the session of its loads, and so in their autogroup (man
	 * sched(7)): between groups some kernels are not fair at all.
	 */
	if (command->on_terminal) {
		setsid();
		ioctl(command->descriptors[0], TIOCSCTTY, 0);
	}
	/* Out of the way of each other's places first. */
	for (int i = 0; i < 3; i++)
		held[i] = command->descriptors[i] < 0
				  ? -1
				  : fcntl(command->descriptors[i], F_DUPFD, 3);
	for (int i = 0; i < 3; i++) {
		if (held[i] < 0)
			close(i);
		else
			dup2(held[i], i);
	}
	close_range(3, ~0U, 0);
	execvpe(command->program, command->arguments, command->environment);
	_exit(127);
}

pid_t sonde_start(const struct sonde_command *command)
{
	pid_t pid = fork();

	if (pid == 0)
		become(command);
	return pid;
}

int sonde_pipe(int *ends)
{
	return pipe2(ends, O_CLOEXEC);
}

int sonde_limit_locked_memory(unsigned long bytes)
{
	struct rlimit limit, highest;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return -1;
	highest = limit;
	highest.rlim_cur = limit.rlim_max;
	limit.rlim_cur = bytes;
	if (bytes > limit.rlim_max)
		limit.rlim_max = bytes;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0)
		return 0;
	/* Without CAP_SYS_RESOURCE. */
	return setrlimit(RLIMIT_MEMLOCK, &highest);
}

int sonde_tells_of_threads(void)
{
	/* PIDFD_THREAD */
	int fd = (int)syscall(SYS_pidfd_open, gettid(), O_EXCL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
