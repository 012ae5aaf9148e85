/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that write to all pages of their memory, round and round: more
 * than there is of it makes them wait for swap.
 */
#include "testload.h"

#include <err.h>
#include <stdlib.h>

static void write_all(long index, void *context)
{
	const size_t size = *(const long *)context << 20;
	volatile char *memory = malloc(size);

	(void)index;
	if (!memory)
		err(1, "malloc");
	arrive();
	for (;;) {
		for (size_t i = 0; i < size; i += 4096)
			memory[i]++;
	}
}

void load_thrash(const long *arguments)
{
	long mib = arguments[1];
	struct crew crew = start_children(arguments[0], write_all, &mib);

	run_children(&crew);
}
