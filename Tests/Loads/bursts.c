/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that run only at times that are known before, all at once. */
#include "testload.h"

#include <time.h>

struct bursts {
	long phase_ms; /* of the time of day, into a period */
	long period_ms;
	long length_ms;
};

static void burst(long index, void *context)
{
	const struct bursts *bursts = context;

	(void)index;
	arrive_at_gate();
	for (;;) {
		struct timespec now;
		long long ms, into;

		clock_gettime(CLOCK_REALTIME, &now);
		ms = now.tv_sec * 1000LL + now.tv_nsec / 1000000;
		into = (ms - bursts->phase_ms) % bursts->period_ms;
		if (into < bursts->length_ms)
			spin_for(1000000);
		else
			nap_us(1000 * (bursts->period_ms - into));
	}
}

void load_bursts(const long *arguments)
{
	struct bursts bursts = {.phase_ms = arguments[1],
				.period_ms = arguments[2],
				.length_ms = arguments[3]};
	struct crew crew = start_children(arguments[0], burst, &bursts);

	run_children(&crew);
}
