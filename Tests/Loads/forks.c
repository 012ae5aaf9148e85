/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forks of a process with much memory, each timed by this program's own clock.
 */
#include "testload.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_MS 10

static int by_size(const void *one, const void *two)
{
	int64_t a = *(const int64_t *)one, b = *(const int64_t *)two;

	return (a > b) - (a < b);
}

static void fork_with(long mib, long count, int advice)
{
	size_t size = mib << 20;
	int64_t *times = allocate(count, sizeof(*times)), total = 0;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long done = 0;

	if (memory == MAP_FAILED)
		err(1, "mmap");
	madvise(memory, size, advice);
	for (size_t i = 0; i < size; i += 4096)
		memory[i] = 1;
	say_ready();
	while (done < count && wait_for_input(PAUSE_MS) != INPUT_END) {
		int64_t begin = now_ns();
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		times[done] = now_ns() - begin;
		total += times[done++];
		if (child < 0)
			err(1, "fork");
		waitpid(child, NULL, 0);
	}
	qsort(times, done, sizeof(*times), by_size);
	if (done)
		printf("forks %ld median %ld total %ld\n", done,
		       times[done / 2], total);
}

void load_forks(const long *arguments)
{
	fork_with(arguments[0], arguments[1], MADV_NOHUGEPAGE);
}

void load_hugeforks(const long *arguments)
{
	fork_with(arguments[0], arguments[1], MADV_HUGEPAGE);
}
