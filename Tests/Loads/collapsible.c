/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process whose memory can be collapsed while it writes to it: it forks
 * before and after, checks what it wrote, and takes the time of the longest
 * wait for its own mmap_lock meanwhile.
 */
#include "testload.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORKS 20
#define PAGE 4096

struct prober {
	pthread_t thread;
	atomic_bool ends;
	int64_t longest;
};

static int by_size(const void *one, const void *two)
{
	int64_t a = *(const int64_t *)one, b = *(const int64_t *)two;

	return (a > b) - (a < b);
}

static int64_t median_fork(void)
{
	int64_t times[FORKS];

	for (int i = 0; i < FORKS; i++) {
		int64_t begin = now_ns();
		pid_t child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

		if (child == 0)
			_exit(0);
		times[i] = now_ns() - begin;
		if (child < 0)
			err(1, "clone");
		waitpid(child, NULL, 0);
	}
	qsort(times, FORKS, sizeof(times[0]), by_size);
	return times[(FORKS - 1) / 2];
}

/* What the thread has waited for a CPU, ns. */
static int64_t run_delay(int fd)
{
	char text[128] = "";
	long long ran, waited = 0;

	if (pread(fd, text, sizeof(text) - 1, 0) > 0)
		sscanf(text, "%lld %lld", &ran, &waited);
	return waited;
}

/* mprotect() takes the lock for writing, so it waits for whoever holds it. */
static void *probe(void *context)
{
	struct prober *prober = context;
	int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool writable = true;

	if (fd < 0 || page == MAP_FAILED)
		err(1, "probe");
	while (!prober->ends) {
		int64_t delay = run_delay(fd), begin = now_ns(), ns;

		writable = !writable;
		if (mprotect(page, PAGE,
			     writable ? PROT_READ | PROT_WRITE : PROT_READ))
			err(1, "mprotect");
		ns = now_ns() - begin;
		ns -= run_delay(fd) - delay;
		if (ns > prober->longest)
			prober->longest = ns;
		spin_for(10000);
	}
	return NULL;
}

/* With a second argument it has no huge pages at all. After a line it no longer
 * probes, and forks again. */
void load_collapsible(const long *arguments)
{
	size_t size = arguments[0] << 20, pages = size / PAGE;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *written = allocate(pages, sizeof(*written));
	int64_t before, after = 0;
	struct prober prober = {};
	enum input input;
	size_t page = 0;
	long broken = 0;

	if (memory == MAP_FAILED)
		err(1, "mmap");
	if (arguments[1] > 0 && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		err(1, "PR_SET_THP_DISABLE");
	madvise(memory, size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < pages; i++) {
		*(uint64_t *)(memory + i * PAGE) = i;
		written[i] = i;
	}
	/* They may be huge from here on, but only khugepaged would make them
	 * so, in minutes.
	 */
	madvise(memory, size, MADV_HUGEPAGE);
	before = median_fork();
	if (pthread_create(&prober.thread, NULL, probe, &prober))
		errx(1, "pthread_create");
	say_ready();
	while ((input = wait_for_input(0)) == INPUT_NONE) {
		page = (page + 4099) % pages;
		written[page]++;
		(*(uint64_t *)(memory + page * PAGE))++;
		nap_us(100);
	}
	prober.ends = true;
	pthread_join(prober.thread, NULL);
	if (input == INPUT_LINE) {
		after = median_fork();
		while (wait_for_input(-1) != INPUT_END)
			;
	}
	for (size_t i = 0; i < pages; i++)
		broken += *(uint64_t *)(memory + i * PAGE) != written[i];
	printf("before %lld after %lld longest %lld broken %ld\n",
	       (long long)before, (long long)after, (long long)prober.longest,
	       broken);
}
