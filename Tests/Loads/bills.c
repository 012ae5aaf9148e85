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

/* Resident. */
static char *small_pages(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "mmap");
	madvise(memory, size, MADV_NOHUGEPAGE);
	write_pages(memory, size);
	return memory;
}

/* What this process has for itself, as the kernel counts it, KiB. */
static long private_dirty(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long kib = -1;

	if (!file)
		err(1, "/proc/self/smaps_rollup");
	while (kib < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "Private_Dirty: %ld", &kib);
	fclose(file);
	if (kib < 0)
		errx(1, "no Private_Dirty");
	return kib;
}

static long minor_faults(void)
{
	struct rusage self, children;

	if (getrusage(RUSAGE_SELF, &self) ||
	    getrusage(RUSAGE_CHILDREN, &children))
		err(1, "getrusage");
	return self.ru_minflt + children.ru_minflt;
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
	char *memory = small_pages(size);

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

enum writer { CHILD, PARENT, PARENT_ALONE };

/* N forks, one after the other, after each of which KIB in small pages are
 * written: by the child, by its parent while the child is there, or by the
 * parent once it is gone. What the writers had for themselves thereafter is
 * summed up.
 */
void load_writes(const long *arguments)
{
	const enum writer writer = arguments[2];
	const size_t size = arguments[1] * 1024;
	long done = 0, dirty = 0, faults;
	char *memory = small_pages(size);

	say_ready();
	faults = minor_faults();
	for (; done < arguments[0] && wait_for_input(0) != INPUT_END; done++) {
		int to_child[2], to_parent[2];
		pid_t child;
		long kib;
		char none;

		if (pipe(to_child) || pipe(to_parent))
			err(1, "pipe");
		child = fork();
		if (child < 0)
			err(1, "fork");
		if (child == 0) {
			close(to_child[1]);
			if (writer == PARENT)
				_exit(read(to_child[0], &none, 1) != 0);
			if (writer == CHILD)
				write_pages(memory, size);
			kib = private_dirty();
			_exit(write(to_parent[1], &kib, sizeof(kib)) !=
			      sizeof(kib));
		}
		close(to_parent[1]);
		if (writer == PARENT) {
			write_pages(memory, size);
			dirty += private_dirty();
		}
		close(to_child[0]);
		close(to_child[1]);
		if (writer == CHILD &&
		    read(to_parent[0], &kib, sizeof(kib)) == sizeof(kib))
			dirty += kib;
		reap(child);
		close(to_parent[0]);
		if (writer == PARENT_ALONE)
			write_pages(memory, size);
	}
	printf("writes %ld dirty %ld faults %ld\n", done, dirty,
	       minor_faults() - faults);
}
