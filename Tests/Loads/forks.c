/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forks of a process with much memory, each timed by this program's own clock,
 * and calls of every kind.
 *
 * The calls are made bare: what fork(3) does around the system call, and the
 * page faults that follow when it touches its memory again, are not the call.
 */
#include "testload.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_MS 10

static int by_size(const void *one, const void *two)
{
	int64_t a = *(const int64_t *)one, b = *(const int64_t *)two;

	return (a > b) - (a < b);
}

/* VmPTE of the calling process, kB. */
static long page_tables(void)
{
	static char text[8192];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	const char *line;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	close(fd);
	line = strstr(text, "VmPTE:");
	return line ? strtol(line + 6, NULL, 10) : -1;
}

/* Of the calling process; the last line is the kernel's own page, no mapping.
 */
static long mappings(void)
{
	static char text[65536];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t size, length = 0;
	long count = 0;

	if (fd < 0)
		return -1;
	while ((size = read(fd, text + length, sizeof(text) - length - 1)) > 0)
		length += size;
	close(fd);
	text[length] = 0;
	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		count++;
	return strstr(text, "[vsyscall]") ? count - 1 : count;
}

static void fork_with(long mib, long count, int advice, int flags,
		      bool inherited)
{
	size_t size = mib << 20;
	int64_t *times = allocate(count, sizeof(*times)), total = 0;
	int64_t faults = 0;
	volatile long *kb = share(2 * sizeof(*kb));
	volatile char *page = allocate(2, 4096);
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	long done = 0;

	if (memory == MAP_FAILED)
		err(1, "mmap");
	madvise(memory, size, advice);
	for (size_t i = 0; i < size; i += 4096)
		memory[i] = 1;
	if (!inherited && madvise(memory, size, MADV_DONTFORK))
		err(1, "MADV_DONTFORK");
	say_ready();
	while (done < count && wait_for_input(PAUSE_MS) != INPUT_END) {
		int64_t begin = now_ns(), end;
		pid_t child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

		if (child == 0) {
			if (done == 0) {
				kb[0] = page_tables();
				kb[1] = mappings();
			}
			_exit(0);
		}
		end = now_ns();
		if (child < 0)
			err(1, "clone");
		/* What the first write to a page takes that is now shared. */
		page[4096]++;
		faults += now_ns() - end;
		times[done++] = end - begin;
		total += end - begin;
		waitpid(child, NULL, 0);
	}
	qsort(times, done, sizeof(*times), by_size);
	if (done)
		printf("forks %ld median %ld total %ld faults %ld pte %ld "
		       "maps %ld\n",
		       done, times[(done - 1) / 2], total, faults, kb[0],
		       kb[1]);
}

void load_forks(const long *arguments)
{
	fork_with(arguments[0], arguments[1], MADV_NOHUGEPAGE, 0, true);
}

void load_hugeforks(const long *arguments)
{
	fork_with(arguments[0], arguments[1], MADV_HUGEPAGE, 0, true);
}

/* From the pool of huge pages of the default size. */
void load_poolforks(const long *arguments)
{
	fork_with(arguments[0], arguments[1], MADV_NORMAL, MAP_HUGETLB, true);
}

void load_dontforks(const long *arguments)
{
	fork_with(arguments[0], arguments[1], MADV_NOHUGEPAGE, 0, false);
}

static void *nothing(void *unused)
{
	return unused;
}

static int end_at_once(void *unused)
{
	(void)unused;
	nap_us(2000);
	_exit(0);
}

/* N of each: fork, a vfork that waits 2 ms, clone, clone3, a thread, and a
 * clone that fails with EINVAL. After a line, so that they can be watched.
 */
void load_calls(const long *arguments)
{
	long stack_size = 65536;
	char *stack = allocate(1, stack_size);
	struct clone_args args = {.exit_signal = SIGCHLD};

	say_ready();
	for (long i = 0; i < arguments[0]; i++) {
		pthread_t thread;
		pid_t child = syscall(SYS_fork);

		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
		child = clone(end_at_once, stack + stack_size,
			      CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
		waitpid(child, NULL, 0);
		child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
		child = syscall(SYS_clone3, &args, sizeof(args));
		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
		if (pthread_create(&thread, NULL, nothing, NULL))
			errx(1, "pthread_create");
		pthread_join(thread, NULL);
		/* A thread without the address space. */
		if (syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0) >= 0 ||
		    errno != EINVAL)
			errx(1, "clone didn't fail");
	}
	printf("calls %ld\n", arguments[0]);
}

struct attempts {
	long tried;
	long made;
	long failed;
	long error;
};

static void __attribute__((noreturn))
attempt(long mib, long count, volatile struct attempts *attempts)
{
	size_t size = mib << 20;
	pid_t self = getpid();
	char *memory = allocate(1, size + 1);

	for (size_t i = 0; i < size; i += 4096)
		memory[i] = 1;
	while (attempts->tried < count) {
		pid_t child;

		attempts->tried++;
		child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (child == 0) {
			die_with_parent(self);
			pause();
			_exit(0);
		}
		if (child > 0) {
			attempts->made++;
		} else {
			attempts->failed++;
			attempts->error = errno;
		}
	}
	_exit(0);
}

/* After a line, so that a limit can be set: N forks of a process of so much
 * memory, whose children stay. It may be killed for memory meanwhile; who
 * counts stays.
 */
void load_attempts(const long *arguments)
{
	volatile struct attempts *attempts = share(sizeof(*attempts));
	enum input input;
	pid_t worker;
	int status;
	FILE *score;

	say_ready();
	do {
		input = wait_for_input(-1);
	} while (input == INPUT_NONE);
	if (input == INPUT_END)
		return;
	worker = fork();
	if (worker < 0)
		err(1, "fork");
	if (worker == 0) {
		/* If one is to go, it isn't the one who counts. */
		score = fopen("/proc/self/oom_score_adj", "w");
		if (!score || fprintf(score, "1000") < 0 || fclose(score))
			err(1, "oom_score_adj");
		attempt(arguments[0], arguments[1], attempts);
	}
	if (waitpid(worker, &status, 0) != worker)
		err(1, "waitpid");
	while (wait(NULL) > 0)
		;
	printf("tried %ld made %ld failed %ld error %ld killed %d\n",
	       attempts->tried, attempts->made, attempts->failed,
	       attempts->error, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}
