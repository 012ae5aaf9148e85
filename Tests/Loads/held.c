/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forks that sleep in the kernel on their way: for one who is told of each by a
 * userfaultfd, and takes his time to hear of it.
 */
#include "testload.h"

#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (64 << 20)

static int teller;

static void *hear_late(void *context)
{
	const long *ms = context;
	struct pollfd told = {.fd = teller, .events = POLLIN};
	struct uffd_msg message;

	while (poll(&told, 1, -1) > 0) {
		nap_us(*ms * 1000);
		if (read(teller, &message, sizeof(message)) != sizeof(message))
			err(1, "userfaultfd");
		if (message.event == UFFD_EVENT_FORK)
			close(message.arg.fork.ufd);
	}
	return NULL;
}

/* N forks of 64 MiB, each of which sleeps for so long. */
void load_heldforks(const long *arguments)
{
	struct uffdio_api api = {.api = UFFD_API,
				 .features = UFFD_FEATURE_EVENT_FORK};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	long ms = arguments[0];
	pthread_t thread;
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "mmap");
	madvise(memory, SIZE, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < SIZE; i += 4096)
		memory[i] = 1;
	teller = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	range.range.start = (uintptr_t)memory;
	range.range.len = SIZE;
	if (teller < 0 || ioctl(teller, UFFDIO_API, &api) ||
	    ioctl(teller, UFFDIO_REGISTER, &range))
		err(1, "userfaultfd");
	if (pthread_create(&thread, NULL, hear_late, &ms))
		errx(1, "pthread_create");
	say_ready();
	for (long i = 0; i < arguments[1]; i++) {
		pid_t child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

		if (child == 0)
			_exit(0);
		if (child < 0)
			err(1, "clone");
		waitpid(child, NULL, 0);
	}
	printf("forks %ld\n", arguments[1]);
}
