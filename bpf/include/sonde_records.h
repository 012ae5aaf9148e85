/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * What the kernel side writes and the Swift side reads. Fixed-width fields,
 * explicit padding, sizes asserted: both sides compile this very file.
 */
#ifndef SONDE_RECORDS_H
#define SONDE_RECORDS_H

#ifdef __bpf__
typedef unsigned char sonde_u8;
typedef unsigned short sonde_u16;
typedef unsigned int sonde_u32;
typedef unsigned long long sonde_u64;
typedef long long sonde_s64;
#else
#include <stdint.h>
typedef uint8_t sonde_u8;
typedef uint16_t sonde_u16;
typedef uint32_t sonde_u32;
typedef uint64_t sonde_u64;
typedef int64_t sonde_s64;
#endif

#define SONDE_COMM_LEN 16

/* Every ring record begins with its time (run queue clock, ns) and has its
 * kind at offset 31, so that a reader can order and tell records apart
 * before it knows what they are.
 */
enum sonde_kind {
	SONDE_KIND_SWITCH = 1,
	SONDE_KIND_NEW_TASK = 2,
	SONDE_KIND_RENAME = 3,
	SONDE_KIND_EXEC = 4,
	SONDE_KIND_WAIT = 5,
};

enum sonde_switch_flags {
	/* prev stays on the run queue: preempted, or a signal was pending as it
	 * went to sleep; prev_state then says nothing about where it went.
	 */
	SONDE_SWITCH_PREV_QUEUED = 1,
	/* the record before this one in the ring is not the switch before this
	 * one on the CPU: something was lost or never traced in between.
	 */
	SONDE_SWITCH_GAP = 2,
};

struct sonde_switch {
	sonde_u64 time;
	/* next's run_delay, the wait that ends now included */
	sonde_u64 next_run_delay;
	sonde_u32 prev_tid;
	sonde_u32 next_tid;
	/* how often next has been given a CPU, this time included; low 32 bits
	 */
	sonde_u32 next_pcount;
	/* task state bits as the scheduler saw them, low 16 bits */
	sonde_u16 prev_state;
	sonde_u8 flags;
	sonde_u8 kind;
};

/* Follows the switch by which a task went to sleep in D: where it sleeps. */
struct sonde_wait {
	sonde_u64 time;
	sonde_u64 pad;
	sonde_u32 tid;
	/* in the map of stacks, or negative */
	int stack;
	sonde_u32 pad2;
	sonde_u16 pad3;
	sonde_u8 pad4;
	sonde_u8 kind;
};

/* A task came to be, changed its name, or changed its id in execve. */
struct sonde_task_event {
	sonde_u64 time;
	sonde_u64 cgroup;
	sonde_u32 tid;
	sonde_u32 tgid;
	/* the id before execve, where it differs (see de_thread()) */
	sonde_u32 old_tid;
	sonde_u16 pad;
	sonde_u8 is_kernel_thread;
	sonde_u8 kind;
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

/* One task in D, or runnable and throttled, as the iterator over those saw it.
 */
struct sonde_waiter {
	sonde_u32 tid;
	/* 0 in D, 1 where its cgroup has used up its CPU quota */
	sonde_u32 is_throttled;
	/* bytes of frames, innermost first */
	sonde_u32 length;
	sonde_u32 pad;
	sonde_u64 frames[SONDE_WAIT_FRAMES];
};

/* The kernel side's own account of one CPU; a cache line of its own. */
struct sonde_cpu {
	/* records that were to be delivered */
	sonde_u64 seen;
	/* of these, not delivered: ring full, and no ring for this CPU */
	sonde_u64 ring_full;
	sonde_u64 no_ring;
	/* switches that happened here and never reached the program */
	sonde_u64 untraced;
	/* rq->nr_switches at the last switch seen, and at the last delivered */
	sonde_u64 switches_seen;
	sonde_u64 switches_delivered;
	/* records since the last wakeup */
	sonde_u64 since_wakeup;
	sonde_u64 pad;
};

/* Set by user space before load. */
struct sonde_config {
	/* wake the consumer after so many records of a CPU */
	sonde_u32 wakeup_records;
	/* that there can be */
	sonde_u32 cpus;
};

/* Shared while the programs run. */
struct sonde_live {
	/* one instant on both clocks, taken whenever the consumer gets a CPU */
	sonde_u64 run_queue_clock;
	sonde_u64 monotonic;
	/* the consumer's thread, by its id in the initial namespace */
	sonde_u32 consumer_tid;
	/* not 0: write no more records */
	sonde_u32 stopped;
	/* what kernel/sched/loadavg.c knows, at that instant: jiffies,
	 * calc_load_tasks and avenrun
	 */
	sonde_u64 jiffies;
	sonde_u64 active;
	sonde_u64 averages[3];
	/* whether the last two could be read */
	sonde_u64 has_averages;
	/* how many tasks slept and were still queued, and so in the kernel's
	 * load, as the consumer was given a CPU right after a load sample; and
	 * when that was, CLOCK_MONOTONIC
	 */
	sonde_s64 delayed;
	sonde_u64 delayed_at;
};

/* Set by user space: when it is to be told where tasks go to sleep in D. A
 * stack takes many times what a switch takes, and of the load average only
 * those matter that sleep at a sample. Run queue clock, ns.
 */
struct sonde_window {
	sonde_u64 from;
	sonde_u64 to;
	/* whether the iterator over those in D is to tell as well */
	sonde_u64 iterates;
	/* the load sample that comes next, CLOCK_MONOTONIC */
	sonde_u64 sample;
};

_Static_assert(sizeof(struct sonde_window) == 32, "sonde_window");
_Static_assert(sizeof(struct sonde_switch) == 32, "sonde_switch");
_Static_assert(sizeof(struct sonde_task_event) == 48, "sonde_task_event");
_Static_assert(sizeof(struct sonde_task) == 88, "sonde_task");
_Static_assert(sizeof(struct sonde_cpu) == 64, "sonde_cpu");
_Static_assert(sizeof(struct sonde_config) == 8, "sonde_config");
_Static_assert(sizeof(struct sonde_wait) == 32, "sonde_wait");
_Static_assert(sizeof(struct sonde_waiter) == 208, "sonde_waiter");
_Static_assert(sizeof(struct sonde_live) == 88, "sonde_live");
_Static_assert(__builtin_offsetof(struct sonde_switch, kind) == 31, "kind");
_Static_assert(__builtin_offsetof(struct sonde_task_event, kind) == 31, "kind");

#endif
