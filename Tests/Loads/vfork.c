/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes in D without a kernel module: the parent of a vfork waits
 * uninterruptibly, but killably, until its child execs or exits.
 */
#include "testload.h"

#include <err.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_in_vfork(long index, void *context)
{
	volatile pid_t *sleepers = context;
	const pid_t self = getpid();
	pid_t child = vfork();

	if (child == 0) {
		die_with_parent(self);
		sleepers[index] = getpid();
		arrive();
		for (;;)
			pause();
	}
	if (child < 0)
		err(1, "vfork");
	waitpid(child, NULL, 0);
}

static struct crew start(long count, pid_t *sleepers)
{
	struct crew crew = start_children(count, wait_in_vfork, sleepers);

	for (long i = 0; i < count; i++) {
		await_state(crew.ids[i], crew.ids[i], 'D');
		await_state(sleepers[i], sleepers[i], 'S');
	}
	say_ready();
	say_ids(crew.ids, count);
	return crew;
}

/* Ends by their children's end: the parents wake up and go on. */
void load_vfork(const long *arguments)
{
	long count = arguments[0];
	pid_t *sleepers = share(count * sizeof(*sleepers));

	start(count, sleepers);
	wait_for_end();
	kill_all(sleepers, count);
	reap_children();
}

/* Ends by a SIGKILL of the parents, in the middle of their wait. */
void load_dexit(const long *arguments)
{
	long count = arguments[0];
	pid_t *sleepers = share(count * sizeof(*sleepers));
	struct crew crew = start(count, sleepers);

	wait_for_end();
	kill_all(crew.ids, count);
	reap_children();
}
