/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Very many tasks in D: each vforks the next. As threads of one process they
 * cost the kernel the least, and die by one signal.
 */
#include "testload.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK_SIZE 4096
#define LINK_FLAGS                                                             \
	(CLONE_VM | CLONE_VFORK | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |     \
	 CLONE_THREAD)

static struct {
	long length;
	pid_t *ids;
	char *stacks;
} chain;

/* The stack is too small for stdio. */
static void __attribute__((noreturn)) fail(const char *what)
{
	const char *why = strerrordesc_np(errno);

	if (write(STDERR_FILENO, "testload: ", 10) > 0 &&
	    write(STDERR_FILENO, what, strlen(what)) > 0 &&
	    write(STDERR_FILENO, ": ", 2) > 0 && why &&
	    write(STDERR_FILENO, why, strlen(why)) > 0 &&
	    write(STDERR_FILENO, "\n", 1) > 0)
		_exit(1);
	_exit(1);
}

/* All links share one thread-local storage; only the last of them runs. */
static int run_link(void *argument)
{
	long index = (long)(intptr_t)argument;

	chain.ids[index] = gettid();
	if (index < chain.length) {
		/* Stack i serves link i + 1 and grows down from its end. */
		if (clone(run_link, chain.stacks + (index + 1) * STACK_SIZE,
			  LINK_FLAGS, (void *)(intptr_t)(index + 1)) < 0)
			fail("clone");
	} else {
		arrive();
	}
	for (;;)
		pause();
}

static void carry(long index, void *context)
{
	(void)context;
	chain.stacks =
		mmap(NULL, chain.length * STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (chain.stacks == MAP_FAILED)
		fail("mmap");
	/* Of which each touches one page. */
	madvise(chain.stacks, chain.length * STACK_SIZE, MADV_NOHUGEPAGE);
	run_link((void *)(intptr_t)index);
}

void load_chain(const long *arguments)
{
	struct crew crew;

	chain.length = arguments[0];
	chain.ids = share((chain.length + 1) * sizeof(*chain.ids));
	crew = start_children(1, carry, NULL);
	for (long i = 0; i <= chain.length; i++)
		await_state(crew.ids[0], chain.ids[i],
			    i < chain.length ? 'D' : 'S');
	say_ready();
	printf("pid %d\n", crew.ids[0]);
	fflush(stdout);
	wait_for_end();
	kill_all(crew.ids, crew.count);
	reap_children();
}
