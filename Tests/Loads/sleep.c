/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that are blocked interruptibly, for ever or for a known time. */
#include "testload.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void sleep_on(long index, void *context)
{
	(void)index;
	(void)context;
	arrive();
	for (;;)
		pause();
}

void load_sleepers(const long *arguments)
{
	struct crew crew = start_threads(arguments[0], sleep_on, NULL);

	for (long i = 0; i < crew.count; i++)
		await_state(getpid(), crew.ids[i], 'S');
	say_ready();
	say_ids(crew.ids, crew.count);
	wait_for_end();
}

struct sleeps {
	long us;
	struct {
		long count;
		/* how often it gave the CPU up: not for a nap that was over
		 * before it came to that, the CPU having been taken away
		 */
		long slept;
	} of[]; /* each thread */
};

/* Of this thread. */
static long times_slept(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

static void sleep_repeatedly(long index, void *context)
{
	struct sleeps *sleeps = context;
	long before;

	arrive_at_gate();
	before = times_slept();
	while (!asked_to_stop()) {
		nap_us(sleeps->us);
		sleeps->of[index].count++;
	}
	sleeps->of[index].slept = times_slept() - before;
}

/* Ends after the sleeps that are under way. */
void load_wake(const long *arguments)
{
	long count = arguments[0];
	struct sleeps *sleeps =
		allocate(1, sizeof(*sleeps) + count * sizeof(*sleeps->of));
	struct crew crew;

	sleeps->us = arguments[1];
	crew = start_threads(count, sleep_repeatedly, sleeps);
	say_ready();
	say_ids(crew.ids, crew.count);
	wait_for_end();
	ask_to_stop();
	join_threads(&crew);
	for (long i = 0; i < count; i++)
		printf("%d %ld %ld\n", crew.ids[i], sleeps->of[i].count,
		       sleeps->of[i].slept);
}
