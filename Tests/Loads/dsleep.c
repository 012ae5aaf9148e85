/* SPDX-License-Identifier: Apache-2.0 */
/* One process that is in D for a given time, over and over. */
#include "testload.h"

#include <err.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct waits {
	long ms;
	int64_t count;
	int64_t total_ns;
	int64_t longest_ns;
};

static void wait_in_vfork(long ms)
{
	const pid_t self = getpid();
	pid_t child = vfork();

	if (child == 0) {
		die_with_parent(self);
		nap_us(ms * 1000);
		_exit(0);
	}
	if (child < 0)
		err(1, "vfork");
}

static void sleep_in_d(long index, void *context)
{
	struct waits *waits = context;

	(void)index;
	arrive_at_gate();
	while (!asked_to_stop()) {
		int64_t start = now_ns(), length;

		wait_in_vfork(waits->ms);
		length = now_ns() - start;
		waits->count++;
		waits->total_ns += length;
		if (length > waits->longest_ns)
			waits->longest_ns = length;
		wait(NULL);
		spin_for(1000000);
	}
}

/* Ends after the wait that is under way. */
void load_dsleep(const long *arguments)
{
	struct waits *waits = share(sizeof(*waits));
	struct crew crew;

	waits->ms = arguments[0];
	crew = start_children(1, sleep_in_d, waits);
	say_ready();
	say_ids(crew.ids, crew.count);
	wait_for_end();
	ask_to_stop();
	reap_children();
	printf("tid %d count %lld total_ns %lld max_ns %lld\n", crew.ids[0],
	       (long long)waits->count, (long long)waits->total_ns,
	       (long long)waits->longest_ns);
}
