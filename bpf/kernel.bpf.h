/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * The few kernel types that the programs touch, and every difference between
 * kernels, each with the commit that made it. Offsets come from the running
 * kernel's BTF at load (preserve_access_index); nothing goes by version.
 */
#ifndef SONDE_KERNEL_BPF_H
#define SONDE_KERNEL_BPF_H

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "include/sonde_kernel.h"

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#pragma clang attribute push(__attribute__((preserve_access_index)),           \
			     apply_to = record)

struct rq {
	u64 nr_switches;
	u64 clock;
	u64 clock_task;
	int cpu;
};

/* cfs_rq.rq is there with CONFIG_FAIR_GROUP_SCHED: every distribution's. */
struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	u64 exec_start;
	u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq;
};

/* The counters are there with CONFIG_SCHED_INFO, which CONFIG_SCHEDSTATS or
 * CONFIG_TASK_DELAY_ACCT select: kernel/sched/stats.h, sched_info_arrive().
 */
struct sched_info {
	unsigned long pcount;
	unsigned long long run_delay;
	unsigned long long last_arrival;
	unsigned long long last_queued;
};

struct kernfs_node {
	u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct mm_struct;

/* The counters are there with CONFIG_TASK_XACCT. */
struct task_io_accounting {
	u64 wchar;
};

/* Unsigned where the kernel has int: libbpf can then fit the load to the size
 * that the field has, and on_rq shrank to a byte by 7.2.
 */
struct signal_struct {
	struct {
		int counter;
	} live; /* threads */
	/* of threads that are gone */
	struct task_io_accounting ioac;
};

struct task_struct {
	void *stack;
	u32 flags;
	u32 on_cpu;
	u32 on_rq;
	struct sched_entity se;
	struct sched_info sched_info;
	u32 pid;
	u32 tgid;
	struct mm_struct *mm;
	struct css_set *cgroups;
	struct signal_struct *signal;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	u64 self_exec_id;
	u64 start_time;
	struct task_io_accounting ioac;
	char comm[16];
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* 2f064a59a11f ("sched: Change task_struct::state"), 5.14 */
struct task_struct___before_5_14 {
	volatile long state;
};

struct task_struct___since_5_14 {
	unsigned int __state;
};

/* With CONFIG_CFS_BANDWIDTH. */
struct cfs_rq___bandwidth {
	int throttle_count;
};

/* e1fad12dcb66 ("sched/fair: Switch to task based throttle model"), 6.18: a
 * task is taken off its run queue as it returns to user space.
 */
struct task_struct___since_6_18 {
	bool throttled;
};

/* 152e11f6df29 ("sched/fair: Implement delayed dequeue"), 6.12: a sleeper may
 * stay on the run queue for a while; on_rq is 1 and yet it sleeps. Meanwhile it
 * is in rq->nr_running, and so in the kernel's load.
 */
struct sched_entity___since_6_12 {
	unsigned char sched_delayed;
};

/* c2a295bffeaf ("sched/fair: Add new cfs_rq.h_nr_runnable"), 6.14 and 6.12.37:
 * without those that sleep.
 */
struct cfs_rq___since_6_14 {
	unsigned int h_nr_queued;
	unsigned int h_nr_runnable;
};

struct rq___since_6_14 {
	struct cfs_rq___since_6_14 cfs;
};

#pragma clang attribute pop

/* d6aef78ef9e1 ("bpf: Add bpf_kallsyms_lookup_name helper"), 5.16: for programs
 * that user space runs. 0 where there is no such symbol, or it is hidden.
 */
#define kernel_symbol(name)                                                    \
	({                                                                     \
		static const char text[] = name;                               \
		u64 address = 0;                                               \
		long error = bpf_kallsyms_lookup_name(text, sizeof(text), 0,   \
						      &address);               \
		error ? 0 : address;                                           \
	})

/* include/linux/sched.h: PF_FROZEN. f5d39b020809 ("freezer,sched: Rewrite core
 * freezer logic"), 6.1, made it a state of its own. Before, a frozen task is in
 * D and has the flag, whose bit since means other things: then 0.
 */
static u32 frozen_flag = 0x00010000;

/* By a function that came with that commit. */
static __always_inline void find_frozen_flag(void)
{
	if (kernel_symbol("__set_task_frozen"))
		frozen_flag = 0;
}

/* The states before and since alike. */
static __always_inline u32 with_frozen(u32 state, struct task_struct *task)
{
	if ((state & TASK_UNINTERRUPTIBLE) && (task->flags & frozen_flag))
		state |= TASK_FROZEN;
	return state;
}

static __always_inline u32 task_state(struct task_struct *task)
{
	struct task_struct___since_5_14 *now = (void *)task;
	struct task_struct___before_5_14 *old = (void *)task;

	if (bpf_core_field_exists(now->__state))
		return with_frozen(now->__state, task);
	return with_frozen(old->state, task);
}

static __always_inline bool on_run_queue(struct task_struct *task)
{
	struct sched_entity___since_6_12 *se = (void *)&task->se;

	if (!task->on_rq)
		return false;
	if (bpf_core_field_exists(se->sched_delayed))
		return !se->sched_delayed;
	return true;
}

static __always_inline bool has_delayed_counts(void)
{
	struct cfs_rq___since_6_14 *now = NULL;

	return bpf_core_field_exists(now->h_nr_runnable);
}

/* Tasks that sleep and are still on a run queue; 0 of NULL. Negative where a
 * task was queued between the two reads.
 */
static __always_inline int delayed_on(struct rq *rq)
{
	struct rq___since_6_14 *now = (void *)rq;

	return BPF_CORE_READ(now, cfs.h_nr_queued) -
	       BPF_CORE_READ(now, cfs.h_nr_runnable);
}

/* Whether a runnable task's cgroup has used up its CPU time: it is then in no
 * count of runnable tasks.
 */
static __always_inline bool is_throttled(struct task_struct *task)
{
	struct task_struct___since_6_18 *now = (void *)task;
	struct cfs_rq___bandwidth *old = (void *)task->se.cfs_rq;

	if (bpf_core_field_exists(now->throttled))
		return now->throttled;
	if (bpf_core_field_exists(old->throttle_count))
		return old->throttle_count > 0;
	return false;
}

/* Whether tasks are throttled one by one, and not with all of their cgroup. */
static __always_inline bool is_throttled_alone(void)
{
	struct task_struct___since_6_18 *now = NULL;

	return bpf_core_field_exists(now->throttled);
}

/* 9c2136be0878 ("sched/tracing: Append prev_state to tp args instead"), 5.18.
 * The argument is what the scheduler acted on. prev->__state may by now have
 * been changed by a waker on another CPU.
 */
typedef void (*btf_trace_sched_switch___since_5_18)(void *, bool,
						    struct task_struct *,
						    struct task_struct *,
						    unsigned int);

static __always_inline u32 switched_out_state(unsigned long long *ctx,
					      struct task_struct *prev)
{
	if (bpf_core_type_matches(btf_trace_sched_switch___since_5_18))
		return with_frozen(ctx[3], prev);
	return task_state(prev);
}

static __always_inline u64 cgroup_id(struct task_struct *task)
{
	return task->cgroups->dfl_cgrp->kn->id;
}

/* 5.11: helpers that are there show in the kernel's enum of them. */
enum bpf_func_id___since_5_11 {
	BPF_FUNC_get_current_task_btf___since_5_11 = 158,
};

#define CURRENT_IS_TYPED                                                       \
	bpf_core_enum_value_exists(enum bpf_func_id___since_5_11,              \
				   BPF_FUNC_get_current_task_btf___since_5_11)

static __always_inline struct task_struct *current_task(void)
{
	return CURRENT_IS_TYPED ? bpf_get_current_task_btf()
				: (void *)bpf_get_current_task();
}

/* A field of current_task(): by a load where the kernel allows one, a tenth of
 * what the helper takes.
 */
#define CURRENT_READ(task, ...)                                                \
	(CURRENT_IS_TYPED ? ___arrow(task, __VA_ARGS__)                        \
			  : BPF_CORE_READ(task, __VA_ARGS__))

#endif
