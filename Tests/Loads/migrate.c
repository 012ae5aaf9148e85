/* SPDX-License-Identifier: Apache-2.0 */
/* Busy threads that are moved between CPUs, also while they are queued. */
#include "testload.h"

#include <err.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define PERIOD_MS 3

static void spin(long index, void *context)
{
	(void)index;
	(void)context;
	arrive_at_gate();
	for (;;)
		atomic_signal_fence(memory_order_relaxed);
}

static void move(pid_t task, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(task, sizeof(set), &set))
		err(1, "moving task %d to CPU %d", task, cpu);
}

void load_migrate(const long *arguments)
{
	int cpus[CPU_SETSIZE], count = 0;
	struct crew crew;
	cpu_set_t set;
	long moves = 0;
	int *places; /* of each thread, in cpus */

	if (sched_getaffinity(0, sizeof(set), &set))
		err(1, "sched_getaffinity");
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set))
			cpus[count++] = cpu;
	}
	if (count < 2)
		errx(1, "migrate needs two CPUs");

	places = allocate(arguments[0], sizeof(*places));
	crew = start_threads(arguments[0], spin, NULL);
	say_ready();
	say_ids(crew.ids, crew.count);
	while (wait_for_input(PERIOD_MS) != INPUT_END) {
		for (long i = 0; i < crew.count; i++) {
			places[i] += 1 + random() % (count - 1);
			places[i] %= count;
			move(crew.ids[i], cpus[places[i]]);
		}
		moves += crew.count;
	}
	printf("moves %ld\n", moves);
}
