/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CExperiment.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct experiment {
	struct sonde_arrangement arrangement;
	struct sonde_outcome *outcome;
	char *memory;
	int gate;
	int report;
};

void *sonde_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void __attribute__((noreturn))
fail(struct experiment *experiment, const char *call)
{
	experiment->outcome->error = errno;
	snprintf(experiment->outcome->failed,
		 sizeof(experiment->outcome->failed), "%s", call);
	_exit(1);
}

/* Until the other side has looked at this stage. */
static void reach(struct experiment *experiment, enum sonde_stage stage)
{
	char byte = 0;
	ssize_t size;

	__atomic_store_n(&experiment->outcome->stage, stage, __ATOMIC_RELEASE);
	if (write(experiment->report, &byte, 1) != 1)
		_exit(1);
	do {
		size = read(experiment->gate, &byte, 1);
	} while (size < 0 && errno == EINTR);
	if (size != 1)
		_exit(0);
}

static int leave(void *stamp)
{
	*(volatile uint64_t *)stamp = now_ns();
	_exit(0);
}

static pid_t spawn(void)
{
	char *const arguments[] = {"true", NULL};
	char *const environment[] = {NULL};
	pid_t pid;

	errno = posix_spawn(&pid, "/bin/true", NULL, NULL, arguments,
			    environment);
	return errno ? -1 : pid;
}

static pid_t make_child(enum sonde_child how, uint64_t *stamp)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid;

	switch (how) {
	case SONDE_CHILD_VFORK:
		pid = vfork();
		break;
	case SONDE_CHILD_SPAWN:
		return spawn();
	case SONDE_CHILD_VM:
		return clone(leave, stack + sizeof(stack), CLONE_VM | SIGCHLD,
			     stamp);
	default:
		pid = fork();
	}
	if (pid == 0)
		leave(stamp);
	return pid;
}

/* Both sides of one child: what it took to make it, and to be rid of it. */
static void measure(struct experiment *experiment, uint64_t *made,
		    uint64_t *left)
{
	uint64_t *stamp = sonde_shared(SMALL_PAGE);
	uint64_t begin, end;
	pid_t pid;

	if (!stamp)
		fail(experiment, "mmap");
	*stamp = 0;
	begin = now_ns();
	pid = make_child(experiment->arrangement.child, stamp);
	end = now_ns();
	if (pid < 0)
		fail(experiment, "fork");
	*made = end - begin;
	while (waitpid(pid, NULL, 0) < 0)
		if (errno != EINTR)
			fail(experiment, "waitpid");
	if (left)
		*left = *stamp ? now_ns() - *stamp : 0;
	munmap(stamp, SMALL_PAGE);
}

/* Spread over all the memory; parent and child write to different pages. */
static uint64_t page_of(const struct experiment *experiment, uint32_t index,
			bool child)
{
	uint64_t pages = experiment->arrangement.bytes / SMALL_PAGE;
	uint64_t each = pages / (2 * experiment->arrangement.writes);
	uint64_t skip = content(2 * index + child) % (each ? each : 1);

	return ((2 * index + child) * (each ? each : 1) + skip) % pages;
}

static uint64_t write_once(struct experiment *experiment, uint32_t index,
			   bool child)
{
	uint64_t page = page_of(experiment, index, child), begin, end;
	volatile uint64_t *word =
		(uint64_t *)(experiment->memory + page * SMALL_PAGE);

	begin = now_ns();
	word[1] = begin;
	end = now_ns();
	return end - begin;
}

/* As many as asked for, for a few seconds at most. */
#define WRITING_NS 3000000000ULL

static void write_all(struct experiment *experiment, uint64_t *times,
		      uint32_t *count, bool child)
{
	uint64_t begin = now_ns();

	for (uint32_t index = 0; index < experiment->arrangement.writes;
	     index++) {
		times[index] = write_once(experiment, index, child);
		*count = index + 1;
		if (now_ns() - begin > WRITING_NS)
			break;
	}
}

/* A child lives that shares the memory, while both write to it. */
static void write_first(struct experiment *experiment)
{
	struct sonde_outcome *outcome = experiment->outcome;
	int gates[2], status;
	char byte = 0;
	pid_t pid;

	if (pipe2(gates, O_CLOEXEC) < 0)
		fail(experiment, "pipe");
	pid = fork();
	if (pid < 0)
		fail(experiment, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(gates[1]);
		if (read(gates[0], &byte, 1) == 1)
			write_all(experiment, outcome->child_write_ns,
				  &outcome->child_writes, true);
		_exit(0);
	}
	close(gates[0]);
	outcome->child = pid;
	reach(experiment, SONDE_STAGE_FORKED);
	write_all(experiment, outcome->parent_write_ns, &outcome->parent_writes,
		  false);
	reach(experiment, SONDE_STAGE_WRITTEN);
	if (write(gates[1], &byte, 1) != 1)
		fail(experiment, "write");
	close(gates[1]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail(experiment, "waitpid");
	if (WIFSIGNALED(status))
		outcome->child_signal = WTERMSIG(status);
}

static bool is_intact(const struct experiment *experiment)
{
	uint64_t pages = experiment->arrangement.bytes / SMALL_PAGE;

	for (uint64_t page = 0; page < pages; page++)
		if (*(uint64_t *)(experiment->memory + page * SMALL_PAGE) !=
		    content(page))
			return false;
	return true;
}

static void __attribute__((noreturn)) run(struct experiment *experiment)
{
	struct sonde_outcome *outcome = experiment->outcome;
	uint32_t forks = experiment->arrangement.forks;

	switch (experiment->arrangement.layout) {
	case SONDE_LAYOUT_EMPTY:
		break;
	case SONDE_LAYOUT_LIBRARIES:
		if (!map_libraries(outcome))
			_exit(1);
		break;
	default:
		experiment->memory =
			make_memory(&experiment->arrangement, outcome);
		if (!experiment->memory)
			_exit(1);
	}
	reach(experiment, SONDE_STAGE_READY);
	/* The first also makes what a process has for its children. */
	measure(experiment, &outcome->fork_ns[0], NULL);
	for (uint32_t index = 0; index < forks; index++) {
		measure(experiment, &outcome->fork_ns[index],
			&outcome->exit_ns[index]);
		outcome->forks = index + 1;
	}
	if (experiment->arrangement.writes) {
		write_first(experiment);
		for (uint32_t index = 0; index < forks; index++) {
			measure(experiment, &outcome->later_fork_ns[index],
				NULL);
			outcome->later_forks = index + 1;
		}
	}
	outcome->intact = !experiment->memory || is_intact(experiment);
	reach(experiment, SONDE_STAGE_DONE);
	_exit(0);
}

pid_t sonde_start_experiment(const struct sonde_arrangement *arrangement,
			     struct sonde_outcome *outcome, int *gate,
			     int *report)
{
	struct experiment experiment = {*arrangement, outcome};
	int gates[2], reports[2];
	pid_t parent = getpid(), pid;

	if (experiment.arrangement.forks > SONDE_FORKS)
		experiment.arrangement.forks = SONDE_FORKS;
	if (experiment.arrangement.writes > SONDE_WRITES)
		experiment.arrangement.writes = SONDE_WRITES;
	if (pipe2(gates, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(reports, O_CLOEXEC) < 0) {
		close(gates[0]);
		close(gates[1]);
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		/* A guard waits for the end of all who hold its pipe. */
		for (int fd = 3; fd < 1024; fd++)
			if (fd != gates[0] && fd != reports[1])
				close(fd);
		signal(SIGINT, SIG_IGN);
		/* Swift's runtime would report a crash: where a pool is full
		 * the signal is what is to be seen.
		 */
		signal(SIGBUS, SIG_DFL);
		prctl(PR_SET_NAME, "experiment");
		experiment.gate = gates[0];
		experiment.report = reports[1];
		run(&experiment);
	}
	close(gates[0]);
	close(reports[1]);
	*gate = gates[1];
	*report = reports[0];
	return pid;
}
