/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that make and remove a folder of their own in one folder, whose
 * lock changes hands all the time.
 */
#include "testload.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[] = "/tmp/testload-XXXXXX";

static void fight(long index, void *context)
{
	char path[64];

	(void)context;
	snprintf(path, sizeof(path), "%s/%ld", place, index);
	arrive_at_gate();
	for (;;) {
		mkdir(path, 0755);
		rmdir(path);
	}
}

void load_lockfight(const long *arguments)
{
	struct crew crew;
	char path[64];

	if (!mkdtemp(place))
		err(1, "%s", place);
	crew = start_children(arguments[0], fight, NULL);
	run_children(&crew);
	for (long i = 0; i < arguments[0]; i++) {
		snprintf(path, sizeof(path), "%s/%ld", place, i);
		rmdir(path);
	}
	rmdir(place);
}
