/* SPDX-License-Identifier: Apache-2.0 */
/* Where the members of a crew and the main task wait for each other. */
#include "testload.h"

#include <err.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* In memory that children share. */
static struct {
	atomic_long arrived;
	atomic_uint open; /* a futex */
	atomic_bool stop;
} * rendezvous;

void prepare_rendezvous(void)
{
	if (!rendezvous)
		rendezvous = share(sizeof(*rendezvous));
}

void arrive(void)
{
	atomic_fetch_add(&rendezvous->arrived, 1);
}

void await_arrivals(long count)
{
	while (atomic_load(&rendezvous->arrived) < count) {
		siginfo_t ended = {0};

		/* Not reaped: its pid must not be another's already. */
		if (!waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) &&
		    ended.si_pid)
			errx(1, "a child ended before the load was in place");
		nap_us(500);
	}
}

/* Else the first of thousands that spin would keep the others from starting. */
void arrive_at_gate(void)
{
	arrive();
	while (!atomic_load(&rendezvous->open))
		syscall(SYS_futex, &rendezvous->open, FUTEX_WAIT, 0, NULL);
}

/* When it returns, all who stood there are on a run queue. */
void open_gate(void)
{
	atomic_store(&rendezvous->open, 1);
	syscall(SYS_futex, &rendezvous->open, FUTEX_WAKE, INT_MAX);
}

void ask_to_stop(void)
{
	atomic_store(&rendezvous->stop, true);
}

bool asked_to_stop(void)
{
	return atomic_load_explicit(&rendezvous->stop, memory_order_relaxed);
}
