/* SPDX-License-Identifier: Apache-2.0 */
/* N processes a second, each of a name that there was never before. */
#include "testload.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_US 10000
#define TICKS_PER_SECOND (1000000 / TICK_US)

/* With all that a label has to escape, in at most 15 bytes. */
static void take_name(unsigned long number)
{
	static const char *const marks[] = {"\"",	"\\",	"\n", "\033[2J",
					    "\303\244", "\377", "{",  "},"};
	char name[16];

	snprintf(name, sizeof(name), "%s%lx", marks[number % 8], number);
	if (prctl(PR_SET_NAME, name))
		err(1, "PR_SET_NAME");
}

static void make_strangers(long index, void *context)
{
	const long rate = *(const long *)context;
	unsigned long number = 0;
	long owed = 0;

	(void)index;
	arrive();
	for (;;) {
		for (owed += rate; owed >= TICKS_PER_SECOND;
		     owed -= TICKS_PER_SECOND) {
			const pid_t child = fork();

			if (!child) {
				take_name(number);
				spin_for(20000);
				_exit(0);
			}
			if (child < 0 && errno != EAGAIN)
				err(1, "fork");
			number++;
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		nap_us(TICK_US);
	}
}

void load_strangers(const long *arguments)
{
	long rate = arguments[0];
	struct crew crew = start_children(1, make_strangers, &rate);

	run_children(&crew);
}
