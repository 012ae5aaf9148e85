/* SPDX-License-Identifier: Apache-2.0 */
#include "testload.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct member {
	long index;
	pid_t *id;
	member_body *body;
	void *context;
	pthread_t thread;
};

/* Those not reaped yet, for an end with an error. */
static struct {
	pid_t parent;
	pid_t *ids;
	long count;
} children;

/* For a task of its own; also in a vfork child. */
void die_with_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
}

/* Runs at the exit of any process of ours; only the first has children. */
static void end_children(void)
{
	if (getpid() != children.parent)
		return;
	kill_all(children.ids, children.count);
	while (wait(NULL) > 0)
		;
}

struct crew start_children(long count, member_body *body, void *context)
{
	struct crew crew = {.count = count};
	pid_t self = getpid();

	prepare_rendezvous();
	crew.ids = allocate(count, sizeof(*crew.ids));
	children.parent = self;
	children.ids = crew.ids;
	atexit(end_children);
	for (long i = 0; i < count; i++) {
		crew.ids[i] = fork();
		if (crew.ids[i] < 0)
			err(1, "fork");
		if (crew.ids[i] == 0) {
			die_with_parent(self);
			body(i, context);
			_exit(0);
		}
		children.count++;
	}
	await_arrivals(count);
	open_gate();
	return crew;
}

static void *run_member(void *argument)
{
	struct member *member = argument;

	*member->id = gettid();
	member->body(member->index, member->context);
	return NULL;
}

struct crew start_threads(long count, member_body *body, void *context)
{
	struct crew crew = {.count = count};
	pthread_attr_t attributes;

	prepare_rendezvous();
	crew.ids = allocate(count, sizeof(*crew.ids));
	crew.members = allocate(count, sizeof(*crew.members));
	/* Without guard pages the stacks are one mapping, not two each. */
	pthread_attr_init(&attributes);
	pthread_attr_setguardsize(&attributes, 0);
	pthread_attr_setstacksize(&attributes, 4 * PTHREAD_STACK_MIN);
	for (long i = 0; i < count; i++) {
		struct member *member = &crew.members[i];

		*member = (struct member){.index = i,
					  .id = &crew.ids[i],
					  .body = body,
					  .context = context};
		errno = pthread_create(&member->thread, &attributes, run_member,
				       member);
		if (errno)
			err(1, "pthread_create");
	}
	pthread_attr_destroy(&attributes);
	await_arrivals(count);
	open_gate();
	return crew;
}

void join_threads(const struct crew *crew)
{
	for (long i = 0; i < crew->count; i++)
		pthread_join(crew->members[i].thread, NULL);
}

void kill_all(const pid_t *ids, long count)
{
	for (long i = 0; i < count; i++)
		kill(ids[i], SIGKILL);
}

/* From here on to the load's end. */
void run_children(const struct crew *crew)
{
	say_ready();
	say_ids(crew->ids, crew->count);
	wait_for_end();
	kill_all(crew->ids, crew->count);
	reap_children();
}

/* All of them; how often they were switched away from. */
long reap_children(void)
{
	bool failed = false;
	struct rusage usage;
	long switches = 0;
	int status;

	while (wait4(-1, &status, 0, &usage) > 0) {
		failed |= WIFEXITED(status) && WEXITSTATUS(status);
		switches += usage.ru_nvcsw + usage.ru_nivcsw;
	}
	children.count = 0;
	if (failed)
		errx(1, "a child failed");
	return switches;
}
