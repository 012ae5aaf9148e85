/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forks of which the whole cost is known: by what the kernel charges these
 * processes, or by how many there are of a kind.
 */
#include "testload.h"

#include <err.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t charged_ns(int who)
{
	struct rusage usage;

	if (getrusage(who, &usage))
		err(1, "getrusage");
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000LL +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL;
}

static void write_pages(volatile char *memory, size_t size)
{
	for (size_t at = 0; at < size; at += sysconf(_SC_PAGESIZE))
		memory[at]++;
}

static void reap(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || status)
		errx(1, "a child failed");
}

/* N, one after the other, with KIB in small pages that the child writes; with 1
 * its parent does, while the child is there.
 */
void load_bills(const long *arguments)
{
	const bool parent_writes = arguments[2] == 1;
	const size_t size = arguments[1] * 1024;
	long done = 0;
	int64_t before;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "mmap");
	madvise(memory, size, MADV_NOHUGEPAGE);
	write_pages(memory, size);
	say_ready();
	before = charged_ns(RUSAGE_SELF) + charged_ns(RUSAGE_CHILDREN);
	while (done < arguments[0] && wait_for_input(0) != INPUT_END) {
		int gate[2];
		pid_t child;
		char none;

		if (pipe(gate))
			err(1, "pipe");
		child = fork();
		if (child < 0)
			err(1, "fork");
		if (child == 0) {
			close(gate[1]);
			if (parent_writes)
				_exit(read(gate[0], &none, 1) != 0);
			write_pages(memory, size);
			_exit(0);
		}
		if (parent_writes)
			write_pages(memory, size);
		close(gate[0]);
		close(gate[1]);
		reap(child);
		done++;
	}
	printf("bills %ld charged %ld\n", done,
	       (long)(charged_ns(RUSAGE_SELF) + charged_ns(RUSAGE_CHILDREN) -
		      before));
}

/* N, one after the other, of which M call exec. */
void load_spawns(const long *arguments)
{
	const long count = arguments[0], execs = arguments[1];
	long done = 0;

	say_ready();
	for (; done < count && wait_for_input(0) != INPUT_END; done++) {
		pid_t child = fork();

		if (child < 0)
			err(1, "fork");
		if (child == 0) {
			if ((done + 1) * execs / count == done * execs / count)
				_exit(0);
			execl("/proc/self/exe", "testload", "internal-spin",
			      "1", NULL);
			err(1, "exec");
		}
		reap(child);
	}
	printf("spawns %ld\n", done);
}
