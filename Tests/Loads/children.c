/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that exec, serve or save, and for how long by these programs' own
 * clocks: from when a child surely was there to when it surely did it (least),
 * and from before it was made to after that (most), ns.
 */
#include "testload.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct life {
	int64_t forked; /* before */
	int64_t first;
	int64_t last;
	int64_t gone; /* after */
};

static pid_t make_child(struct life *life)
{
	const pid_t self = getpid();
	pid_t child;

	life->forked = now_ns();
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		life->first = now_ns();
		die_with_parent(self);
	}
	return child;
}

static void reap(pid_t child, struct life *life)
{
	int status;

	if (waitpid(child, &status, 0) != child || status)
		errx(1, "a child failed");
	life->gone = now_ns();
}

static void report(const char *what, const struct life *lives, long count)
{
	int64_t least = 0, most = 0;

	for (long i = 0; i < count; i++) {
		least += lives[i].last - lives[i].first;
		most += lives[i].gone - lives[i].forked;
	}
	printf("%s %ld least %ld most %ld\n", what, count, least, most);
}

/* What is executed: executes another program in its turn. */
void internal_exec(const long *arguments)
{
	(void)arguments;
	execl("/proc/self/exe", "testload", "internal-spin", "1", NULL);
	err(1, "exec");
}

static void *exec(void *last)
{
	*(int64_t *)last = now_ns();
	execl("/proc/self/exe", "testload", "internal-exec", NULL);
	err(1, "exec");
}

static void start_thread(void *(*body)(void *), void *context)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, body, context);
	if (errno)
		err(1, "pthread_create");
}

/* N, one after the other; THREAD: it is not the leader that calls exec. */
void load_execs(const long *arguments)
{
	long count = arguments[0], done = 0;
	struct life *lives = share(count * sizeof(*lives));

	say_ready();
	while (done < count && wait_for_input(0) != INPUT_END) {
		struct life *life = &lives[done++];
		pid_t child = make_child(life);

		if (child == 0) {
			nap_us(3000);
			if (arguments[1] < 1)
				exec(&life->last);
			start_thread(exec, &life->last);
			for (;;)
				pause();
		}
		reap(child, life);
	}
	report("execs", lives, done);
}

/* N at once, until the end. */
void load_serves(const long *arguments)
{
	long count = arguments[0];
	struct life *lives = share(count * sizeof(*lives));
	pid_t *ids = allocate(count, sizeof(*ids));

	prepare_rendezvous();
	for (long i = 0; i < count; i++) {
		ids[i] = make_child(&lives[i]);
		if (ids[i] == 0) {
			while (!asked_to_stop())
				nap_us(10000);
			lives[i].last = now_ns();
			_exit(0);
		}
	}
	say_ready();
	wait_for_end();
	ask_to_stop();
	for (long i = 0; i < count; i++)
		reap(ids[i], &lives[i]);
	report("serves", lives, count);
}

struct file {
	int fd;
	size_t quarter;
};

static void write_quarters(const struct file *file, int quarters)
{
	static const char zeros[1024];

	for (size_t i = 0; i < quarters * file->quarter; i += sizeof(zeros)) {
		if (write(file->fd, zeros, sizeof(zeros)) != sizeof(zeros))
			err(1, "write");
	}
}

static void *write_first(void *file)
{
	write_quarters(file, 1);
	return NULL;
}

struct last_writer {
	const struct file *file;
	struct life *life;
};

static void *write_last(void *context)
{
	const struct last_writer *writer = context;

	await_state(getpid(), getpid(), 'Z');
	write_quarters(writer->file, 2);
	writer->life->last = now_ns();
	syscall(SYS_exit, 0);
	return NULL;
}

/* One thread writes and ends, then the leader, then another, the last. */
static void __attribute__((noreturn))
save(const struct file *file, struct life *life)
{
	struct last_writer writer = {file, life};
	pthread_t first;

	errno = pthread_create(&first, NULL, write_first, (void *)file);
	if (errno)
		err(1, "pthread_create");
	pthread_join(first, NULL);
	write_quarters(file, 1);
	start_thread(write_last, &writer);
	for (;;)
		syscall(SYS_exit, 0);
}

/* N, one after the other, of which each writes so many KIB as its parent has.
 */
void load_saves(const long *arguments)
{
	long count = arguments[0], done = 0;
	struct life *lives = share(count * sizeof(*lives));
	struct file file = {.quarter = arguments[1] * 1024 / 4};
	volatile char *memory = allocate(arguments[1], 1024);

	for (long i = 0; i < arguments[1]; i++)
		memory[i * 1024] = 1;
	file.fd = memfd_create("testload", MFD_CLOEXEC);
	if (file.fd < 0)
		err(1, "memfd_create");
	say_ready();
	while (done < count && wait_for_input(0) != INPUT_END) {
		struct life *life = &lives[done++];
		pid_t child = make_child(life);

		if (child == 0)
			save(&file, life);
		reap(child, life);
	}
	report("saves", lives, done);
}
