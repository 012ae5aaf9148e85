/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * What loadwatch's kernel side writes and the Swift side reads. Times of ring
 * records are those of the run queue clock.
 */
#ifndef SONDE_SCHED_H
#define SONDE_SCHED_H

#include "sonde.h"

enum sonde_switch_flags {
	/* prev stays on the run queue: preempted, or a signal was pending as it
	 * went to sleep; prev_state then says nothing about where it went.
	 */
	SONDE_SWITCH_PREV_QUEUED = 1,
	/* the record before this one in the ring is not the switch before this
	 * one on the CPU: something was lost or never traced in between.
	 */
	SONDE_SWITCH_GAP = 2,
	/* prev stays on the run queue but is throttled: its cgroup has used up
	 * its CPU quota
	 */
	SONDE_SWITCH_PREV_THROTTLED = 4,
	/* and not all of its cgroup: since 6.18 */
	SONDE_SWITCH_THROTTLED_ALONE = 8,
};

/* tid is the task that is given the CPU, flags are sonde_switch_flags, aux is
 * prev's state as the scheduler saw it, low 16 bits.
 */
struct sonde_switch {
	struct sonde_header header;
	/* next's run_delay, the wait that ends now included */
	sonde_u64 next_run_delay;
	sonde_u32 prev_tid;
	/* how often next has been given a CPU, this time included; low 32 bits
	 */
	sonde_u32 next_pcount;
};

/* Follows the switch by which a task went to sleep in uninterruptible sleep:
 * where it sleeps.
 */
struct sonde_wait {
	struct sonde_header header;
	/* in the map of stacks, or negative */
	sonde_s32 stack;
	sonde_u32 pad;
};

/* A task waiting for a CPU was migrated to another run queue. aux is the CPU
 * that it left.
 */
struct sonde_migrate {
	struct sonde_header header;
	/* when, by the clock of the run queue that it left */
	sonde_u64 clock;
	/* its run_delay, including the wait up to then */
	sonde_u64 run_delay;
};

/* calc_global_load() has made the averages of a load sample. tid is 0. */
struct sonde_load {
	struct sonde_header header;
	/* jiffies when the sample was taken: calc_load_update */
	sonde_u64 jiffies;
	/* calc_load_tasks: how many tasks were active */
	sonde_s64 active;
	/* avenrun before and after */
	sonde_u64 before[3];
	sonde_u64 after[3];
};

enum sonde_task_event_flags {
	SONDE_TASK_IS_KERNEL_THREAD = 1,
};

/* A task was created, changed its name, or changed its id in execve. flags are
 * sonde_task_event_flags.
 */
struct sonde_task_event {
	struct sonde_header header;
	sonde_u64 cgroup;
	sonde_u32 tgid;
	/* the id before execve, where it differs (see de_thread()) */
	sonde_u32 old_tid;
	sonde_u8 comm[SONDE_COMM_LEN];
};

/* One task, as the task iterator saw it. */
struct sonde_task {
	/* CLOCK_MONOTONIC, ns */
	sonde_u64 monotonic;
	sonde_u64 run_delay;
	/* run queue clock: when it was queued; 0 where it waits for no CPU */
	sonde_u64 last_queued;
	/* run queue clock: when it last got a CPU */
	sonde_u64 last_arrival;
	/* run queue clock: when it last left the CPU, for a task that is off
	 * it; 0 where unknown. Exact but for interrupt time since.
	 */
	sonde_u64 last_ran;
	sonde_u64 cgroup;
	sonde_u32 tid;
	sonde_u32 tgid;
	sonde_u32 pcount;
	sonde_u16 state;
	sonde_u8 on_cpu;
	sonde_u8 on_rq;
	sonde_u8 comm[SONDE_COMM_LEN];
	sonde_u32 is_kernel_thread;
	sonde_u32 pad;
};

#define SONDE_WAIT_FRAMES 24

/* What a task in uninterruptible sleep waits for that another one holds. */
enum sonde_lock_kind {
	SONDE_LOCK_NONE,
	SONDE_LOCK_MUTEX,
	SONDE_LOCK_SEMAPHORE,
	/* as a reader, as a writer */
	SONDE_LOCK_RWSEM_READ,
	SONDE_LOCK_RWSEM_WRITE,
	/* no lock: the parent waits for its child to exec or exit */
	SONDE_LOCK_VFORK,
};

enum sonde_lock_flags {
	/* readers hold it; `holder` was the last to acquire it, and may have
	 * released it since
	 */
	SONDE_LOCK_HAS_READERS = 1,
	/* the mmap_lock of the process that waits, of the one that holds it */
	SONDE_LOCK_IS_MMAP_LOCK = 2,
	SONDE_LOCK_IS_HOLDERS_MMAP_LOCK = 4,
};

/* A task that is held up, as the iterator over those saw it: by its cgroup's
 * CPU quota, or by one that has what it waits for.
 */
struct sonde_held_up {
	sonde_u32 tid;
	/* TID in the initial PID namespace; 0 if unknown */
	sonde_u32 holder;
	/* its address */
	sonde_u64 lock;
	/* enum sonde_lock_kind; SONDE_LOCK_NONE of a throttled one */
	sonde_u32 lock_kind;
	/* enum sonde_lock_flags */
	sonde_u32 lock_flags;
	/* an mmap_lock found by its process: the TGID of that */
	sonde_u32 mmap_of;
	sonde_u32 padding;
};

/* A task in uninterruptible sleep, and where: as the iterator over those saw
 * it.
 */
struct sonde_waiter {
	sonde_u32 tid;
	/* bytes of frames, innermost first */
	sonde_u32 length;
	sonde_u64 frames[SONDE_WAIT_FRAMES];
};

/* User space to kernel, while the programs run. */
struct sonde_control {
	/* From when to when, run queue clock, a task that begins an
	 * uninterruptible sleep has its stack recorded. That takes many times
	 * what a switch takes, and the load average only counts those who sleep
	 * at a sample.
	 */
	sonde_u64 stacks_from;
	sonde_u64 stacks_to;
	/* the next load sample, CLOCK_MONOTONIC */
	sonde_u64 sample;
	/* not 0: write no more records */
	sonde_u32 stopped;
	sonde_u32 pad;
};

/* Where the kernel has its load average (kernel/sched/loadavg.c); 0 where that
 * isn't known. Data has symbols with CONFIG_KALLSYMS_ALL, which distributions
 * have.
 */
struct sonde_symbols {
	sonde_u64 calc_load_tasks;
	sonde_u64 avenrun;
	sonde_u64 calc_load_update;
};

/* Kernel to user space, while the programs run. */
struct sonde_status {
	/* one instant on both clocks, taken whenever the consumer gets a CPU */
	sonde_u64 run_queue_clock;
	sonde_u64 monotonic;
	/* the consumer's thread, by its id in the initial namespace */
	sonde_u32 consumer_tid;
	/* whether active and averages could be read */
	sonde_u32 has_averages;
	/* what kernel/sched/loadavg.c knows, at that instant: jiffies,
	 * calc_load_tasks and avenrun
	 */
	sonde_u64 jiffies;
	sonde_u64 active;
	sonde_u64 averages[3];
	/* how many tasks slept and were still queued, and so in the kernel's
	 * load, in the tick of a load sample or as the consumer was given a CPU
	 * right after it; and when that was, CLOCK_MONOTONIC
	 */
	sonde_s64 delayed;
	sonde_u64 delayed_at;
	/* whether task_struct records the lock that the task is blocked on */
	sonde_u64 has_blockers;
};

SONDE_ASSERT_RECORD(sonde_switch, 32);
SONDE_ASSERT_RECORD(sonde_wait, 24);
SONDE_ASSERT_RECORD(sonde_migrate, 32);
SONDE_ASSERT_RECORD(sonde_load, 80);
SONDE_ASSERT_RECORD(sonde_task_event, 48);
_Static_assert(sizeof(struct sonde_task) == 88, "sonde_task");
_Static_assert(sizeof(struct sonde_held_up) == 32, "sonde_held_up");
_Static_assert(sizeof(struct sonde_waiter) == 200, "sonde_waiter");
_Static_assert(sizeof(struct sonde_control) == 32, "sonde_control");
_Static_assert(sizeof(struct sonde_symbols) == 24, "sonde_symbols");
_Static_assert(sizeof(struct sonde_status) == 88, "sonde_status");

#endif
