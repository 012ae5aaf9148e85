/* SPDX-License-Identifier: Apache-2.0 */
#include "testload.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int64_t duration_ns;
static int64_t deadline;

void set_duration(double seconds)
{
	duration_ns = (int64_t)(seconds * 1e9);
}

void say_ready(void)
{
	deadline = now_ns() + duration_ns;
	printf("ready\n");
	fflush(stdout);
}

void say_ids(const pid_t *ids, long count)
{
	printf("tids");
	for (long i = 0; i < count; i++)
		printf(" %d", ids[i]);
	printf("\n");
	fflush(stdout);
}

/* A load with a duration does not look at its stdin. */
enum input wait_for_input(int timeout_ms)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char buffer[4096];
	ssize_t size;

	if (duration_ns) {
		int64_t left = deadline - now_ns();
		int64_t left_ms = (left + 999999) / 1000000;

		if (left <= 0)
			return INPUT_END;
		if (timeout_ms < 0 || timeout_ms > left_ms)
			timeout_ms = (int)left_ms;
		in.fd = -1;
	}
	switch (poll(&in, 1, timeout_ms)) {
	case -1:
		if (errno != EINTR)
			err(1, "poll");
		return INPUT_NONE;
	case 0:
		return INPUT_NONE;
	}
	size = read(STDIN_FILENO, buffer, sizeof(buffer));
	if (size < 0)
		err(1, "stdin");
	return size ? INPUT_LINE : INPUT_END;
}

void wait_for_end(void)
{
	while (wait_for_input(-1) != INPUT_END)
		;
}
