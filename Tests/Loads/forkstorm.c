/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that come and go so fast that their pids are soon used again. */
#include "testload.h"

#include <err.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void fork_on(long index, void *context)
{
	long *forks = context;

	arrive_at_gate();
	while (!asked_to_stop()) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (child < 0)
			err(1, "fork");
		waitpid(child, NULL, 0);
		forks[index]++;
	}
}

void load_forkstorm(const long *arguments)
{
	long count = arguments[0], total = 0;
	long *forks = share(count * sizeof(*forks));
	struct crew crew = start_children(count, fork_on, forks);

	say_ready();
	say_ids(crew.ids, crew.count);
	wait_for_end();
	ask_to_stop();
	reap_children();
	for (long i = 0; i < count; i++)
		total += forks[i];
	printf("forks %ld\n", total);
}
