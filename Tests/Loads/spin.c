/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that do nothing but run. */
#include "testload.h"

static void spin(long index, void *context)
{
	const long *cpu = context;

	(void)index;
	pin(*cpu);
	arrive_at_gate();
	for (;;)
		atomic_signal_fence(memory_order_relaxed);
}

void load_spin(const long *arguments)
{
	long cpu = arguments[1];
	struct crew crew = start_children(arguments[0], spin, &cpu);

	run_children(&crew);
}
