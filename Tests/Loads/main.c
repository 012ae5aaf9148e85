/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduler loads of known size, for tests. Each prints "ready" once it is in
 * place, runs until its stdin ends (or for --seconds), and takes all that it
 * started with it.
 */
#include "testload.h"

#include <err.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>

#define MOST_ARGUMENTS 4

static void internal_spin(const long *arguments)
{
	spin_for(arguments[0] * 1000000);
}

static const struct load {
	const char *name;
	const char *synopsis; /* none: for execthread's own use */
	int required;
	int most;
	void (*run)(const long *arguments);
} loads[] = {
	{"attempts", "MIB N", 2, 2, load_attempts},
	{"bills", "N KIB [1]", 2, 3, load_bills},
	{"bursts", "N PHASE_MS PERIOD_MS LENGTH_MS", 4, 4, load_bursts},
	{"callers", "N [WAY]", 1, 2, load_callers},
	{"calls", "N", 1, 1, load_calls},
	{"chain", "N", 1, 1, load_chain},
	{"collapsible", "MIB [1]", 1, 2, load_collapsible},
	{"contend", "N [CPU]", 1, 2, load_contend},
	{"debugger", "N", 1, 1, load_debugger},
	{"dexit", "N", 1, 1, load_dexit},
	{"dontforks", "MIB COUNT", 2, 2, load_dontforks},
	{"dsleep", "MS", 1, 1, load_dsleep},
	{"execs", "N [THREAD]", 1, 2, load_execs},
	{"execthread", "", 0, 0, load_execthread},
	{"flood", "N [CPU]", 1, 2, load_flood},
	{"forks", "MIB COUNT", 2, 2, load_forks},
	{"forkstorm", "N", 1, 1, load_forkstorm},
	{"fuse", "N", 1, 1, load_fuse},
	{"heldforks", "MS COUNT", 2, 2, load_heldforks},
	{"holders", "N [1]", 1, 2, load_holders},
	{"hugeforks", "MIB COUNT", 2, 2, load_hugeforks},
	{"lockfight", "N", 1, 1, load_lockfight},
	{"migrate", "N", 1, 1, load_migrate},
	{"mover", "N", 1, 1, load_mover},
	{"pingpong", "PAIRS [CPU]", 1, 2, load_pingpong},
	{"poolforks", "MIB COUNT", 2, 2, load_poolforks},
	{"renamer", "", 0, 0, load_renamer},
	{"saves", "N KIB", 2, 2, load_saves},
	{"serves", "N", 1, 1, load_serves},
	{"sleepers", "N", 1, 1, load_sleepers},
	{"spawns", "N M", 2, 2, load_spawns},
	{"writes", "N KIB 0|1|2", 3, 3, load_writes},
	{"spin", "N [CPU]", 1, 2, load_spin},
	{"strangers", "N", 1, 1, load_strangers},
	{"thrash", "N MIB", 2, 2, load_thrash},
	{"vfork", "N", 1, 1, load_vfork},
	{"wake", "N US", 2, 2, load_wake},
	{"internal-exec", NULL, 0, 0, internal_exec},
	{"internal-spin", NULL, 1, 1, internal_spin},
};

#define LOADS (sizeof(loads) / sizeof(loads[0]))

static void __attribute__((noreturn)) usage(void)
{
	for (size_t i = 0; i < LOADS; i++) {
		if (loads[i].synopsis)
			fprintf(stderr, "%s testload %s %s [--seconds S]\n",
				i ? "      " : "usage:", loads[i].name,
				loads[i].synopsis);
	}
	exit(EX_USAGE);
}

/* The first says how many, the second may be CPU 0. */
static long number(const char *text, int position)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < (position == 0) ||
	    value > 10000000)
		usage();
	return value;
}

static double duration(const char *text)
{
	char *end;
	double seconds;

	if (!text)
		usage();
	seconds = strtod(text, &end);
	if (end == text || *end || !(seconds > 0 && seconds <= 86400))
		usage();
	return seconds;
}

/*
 * The main task has to hear of its end among thousands that spin, too. Its
 * children and threads are not raised; without the right, nor is it.
 */
static void rise_above_load(void)
{
	struct sched_param lowest = {.sched_priority = 1};

	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest);
}

int main(int argc, char **argv)
{
	long arguments[MOST_ARGUMENTS] = {-1, -1, -1, -1};
	const struct load *load = NULL;
	int count = 0;

	for (size_t i = 0; argc > 1 && i < LOADS; i++) {
		if (!strcmp(argv[1], loads[i].name))
			load = &loads[i];
	}
	if (!load)
		usage();
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--seconds")) {
			set_duration(duration(argv[++i]));
			continue;
		}
		if (count == load->most)
			usage();
		arguments[count] = number(argv[i], count);
		count++;
	}
	if (count < load->required)
		usage();

	/* Orphaned grandchildren come to us, to be reaped as well. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		err(1, "PR_SET_CHILD_SUBREAPER");
	if (load->synopsis)
		rise_above_load();
	load->run(arguments);
	if (fflush(stdout) || ferror(stdout))
		err(1, "stdout");
	return 0;
}
