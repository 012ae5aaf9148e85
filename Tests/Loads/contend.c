/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that compete, and what the kernel's own account says of each. A line
 * on stdin stops them all and prints it; they stay blocked, so that nothing is
 * added to it, until stdin ends.
 */
#include "testload.h"

#include <err.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SETTLE_US 20000

struct schedstat {
	long long run_ns;
	long long delay_ns;
	long long slices;
};

static void compete(long index, void *context)
{
	const long *cpu = context;

	pin(*cpu);
	arrive_at_gate();
	for (long round = index; !asked_to_stop(); round++) {
		spin_for(200000);
		if (round % 2)
			nap_us(50);
		else
			sched_yield();
	}
	arrive();
	for (;;)
		pause();
}

static struct schedstat schedstat_of(pid_t task)
{
	struct schedstat stat = {0};
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", task);
	file = fopen(path, "re");
	if (!file)
		err(1, "%s", path);
	if (fscanf(file, "%lld %lld %lld", &stat.run_ns, &stat.delay_ns,
		   &stat.slices) != 3)
		errx(1, "%s: not three numbers", path);
	fclose(file);
	return stat;
}

/*
 * Reads each thread from outside: one that read its own would still be running
 * up time that the file does not show yet.
 */
static void report(const struct crew *crew)
{
	struct schedstat *stats = allocate(crew->count, sizeof(*stats));
	bool settled = false;

	/* S may be seen a moment before the last switch is accounted for. */
	while (!settled) {
		nap_us(SETTLE_US);
		settled = true;
		for (long i = 0; i < crew->count; i++) {
			struct schedstat stat = schedstat_of(crew->ids[i]);

			if (memcmp(&stat, &stats[i], sizeof(stat)))
				settled = false;
			stats[i] = stat;
		}
	}
	for (long i = 0; i < crew->count; i++)
		printf("%d %lld %lld %lld\n", crew->ids[i], stats[i].run_ns,
		       stats[i].delay_ns, stats[i].slices);
	fflush(stdout);
}

void load_contend(const long *arguments)
{
	long cpu = arguments[1];
	struct crew crew = start_threads(arguments[0], compete, &cpu);
	enum input input;

	say_ready();
	say_ids(crew.ids, crew.count);
	do
		input = wait_for_input(-1);
	while (input == INPUT_NONE);
	ask_to_stop();
	await_arrivals(2 * crew.count);
	for (long i = 0; i < crew.count; i++)
		await_state(getpid(), crew.ids[i], 'S');
	report(&crew);
	if (input == INPUT_LINE)
		wait_for_end();
}
