/* SPDX-License-Identifier: Apache-2.0 */
/* A process whose name would colour the terminal and ring its bell. */
#include "testload.h"

#include <err.h>
#include <sys/prctl.h>

static void take_names(long index, void *context)
{
	(void)index;
	(void)context;
	/* The same name each time, so that a test may count on it. */
	for (long round = 0;; round++) {
		if (prctl(PR_SET_NAME, "\033[31mred\007"))
			err(1, "PR_SET_NAME");
		if (round == 0)
			arrive();
		spin_for(2000000);
		nap_us(2000);
	}
}

void load_renamer(const long *arguments)
{
	struct crew crew = start_children(1, take_names, NULL);

	(void)arguments;
	run_children(&crew);
}
