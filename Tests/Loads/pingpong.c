/* SPDX-License-Identifier: Apache-2.0 */
/* Context switches, as many as there can be. */
#include "testload.h"

#include <err.h>
#include <stdio.h>
#include <unistd.h>

struct pairs {
	long cpu;
	int (*pipes)[2]; /* two a pair */
};

/*
 * All pairs rest at the same time, 3 ms of each 100. Without, Linux 6.18 lets
 * nothing else run on the CPU for a minute and more, its RCU thread neither,
 * and whoever attaches or detaches a program waits for that: the pair keeps
 * its group's slice for ever.
 */
static void rest(void)
{
	long us = now_ns() / 1000 % 100000;

	if (us < 3000)
		nap_us(3000 - us);
}

/* Members 2k and 2k + 1 are a pair: one serves, the other returns. */
static void play(long index, void *context)
{
	struct pairs *pairs = context;
	int from = pairs->pipes[index][0];
	int to = pairs->pipes[index ^ 1][1];
	char ball = 0;

	pin(pairs->cpu);
	arrive_at_gate();
	if (index % 2 == 0 && write(to, &ball, 1) != 1)
		err(1, "write");
	while (read(from, &ball, 1) == 1) {
		if (index % 2 == 0)
			rest();
		if (write(to, &ball, 1) != 1)
			break;
	}
}

void load_pingpong(const long *arguments)
{
	long count = 2 * arguments[0];
	struct pairs pairs = {.cpu = arguments[1]};
	struct crew crew;

	pairs.pipes = allocate(count, sizeof(*pairs.pipes));
	for (long i = 0; i < count; i++) {
		if (pipe(pairs.pipes[i]))
			err(1, "pipe");
	}
	crew = start_children(count, play, &pairs);
	say_ready();
	say_ids(crew.ids, crew.count);
	wait_for_end();
	kill_all(crew.ids, crew.count);
	printf("switches %ld\n", reap_children());
}
