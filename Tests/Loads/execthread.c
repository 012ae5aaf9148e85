/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that is not the leader execs: the others die, and it takes over the
 * leader's tid. Its own is gone without the thread having exited.
 */
#include "testload.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void *take_over(void *parent)
{
	/* Each thread has a death signal of its own. */
	die_with_parent(*(pid_t *)parent);
	/* Be seen under the tid that is about to go. */
	spin_for(5000000);
	execl("/proc/self/exe", "testload", "internal-spin", "50", NULL);
	err(1, "exec");
}

static void run_child(pid_t parent)
{
	pthread_t thread;

	die_with_parent(parent);
	errno = pthread_create(&thread, NULL, take_over, &parent);
	if (errno)
		err(1, "pthread_create");
	for (;;)
		pause();
}

void load_execthread(const long *arguments)
{
	pid_t self = getpid();
	long execs = 0;

	(void)arguments;
	do {
		pid_t child = fork();
		int status;

		if (child < 0)
			err(1, "fork");
		if (child == 0)
			run_child(self);
		if (waitpid(child, &status, 0) != child || status)
			errx(1, "the child failed");
		if (++execs == 1)
			say_ready();
	} while (wait_for_input(0) != INPUT_END);
	printf("execs %ld\n", execs);
}
