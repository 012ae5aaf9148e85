/* SPDX-License-Identifier: Apache-2.0 */
#include "testload.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS (30 * 1000000000LL)

/* Zeroed, and shared with all children. */
void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "mmap");
	return memory;
}

void *allocate(long count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		err(1, "calloc");
	return memory;
}

/* The calling task; anywhere when cpu is -1. */
void pin(long cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %ld", cpu);
}

/* As the scheduler has it: R S D Z...; 0 when there is no such task. */
static char state_of(pid_t process, pid_t task)
{
	char path[64], line[512];
	const char *end;
	ssize_t size;
	int fd;

	/* Not /proc/TID/stat: that adds up all threads of the process. */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", process, task);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	size = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (size <= 0)
		return 0;
	line[size] = '\0';
	end = strrchr(line, ')');
	return end && end[1] ? end[2] : 0;
}

static void await_any(pid_t process, pid_t task, const char *states)
{
	int64_t start = now_ns();

	for (;;) {
		char current = state_of(process, task);

		if (current && strchr(states, current))
			return;
		if (current == 0 || current == 'Z' || current == 'X')
			errx(1, "task %d has ended", task);
		if (now_ns() - start > PATIENCE_NS)
			errx(1, "task %d stays in state %c, not %s", task,
			     current, states);
		nap_us(500);
	}
}

void await_state(pid_t process, pid_t task, char state)
{
	const char states[] = {state, '\0'};

	await_any(process, task, states);
}

void await_sleep(pid_t process, pid_t task)
{
	await_any(process, task, "SD");
}

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

void spin_for(int64_t ns)
{
	int64_t end = now_ns() + ns;

	while (now_ns() < end)
		;
}

void nap_us(long us)
{
	struct timespec length = {us / 1000000, us % 1000000 * 1000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &length, NULL);
}
