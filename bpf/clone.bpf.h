/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * A clone in progress: what is known of it between its probes.
 */
#ifndef SONDE_CLONE_BPF_H
#define SONDE_CLONE_BPF_H

#include "kernel.bpf.h"
#include "ring.bpf.h"
#include "memory.bpf.h"
#include "include/sonde_clone.h"

/* include/uapi/linux/sched.h, include/linux/sched.h */
#define CLONE_VM 0x00000100
#define CLONE_VFORK 0x00004000
#define CLONE_THREAD 0x00010000

const volatile struct sonde_clone_config config_fork SEC(".rodata.fork");

struct clone_state {
	struct sonde_clone clone;
	u64 complete;
	u64 runnable;
	u64 copy_begin;
	u64 mapping_begin;
	u64 step_begin;
	void *mapping;
	u64 run_delay;
	u64 off_cpu;
};

/* By thread. Preallocated: kernels before 6.1 warn where a tracing program may
 * allocate.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct clone_state);
} clones SEC(".maps");

/* The processes that count, where not all do, with the time of their start or 0
 * for any: an end may go unseen, and then another process has the id.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, u64);
} wanted SEC(".maps");

/* When this CPU last took a stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} stack_times SEC(".maps");

static const struct clone_state nothing;

static __always_inline struct clone_state *state_of(u32 tid)
{
	return bpf_map_lookup_elem(&clones, &tid);
}

static __always_inline struct sonde_cpu *this_account(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &cpu);
}

/* 5.15: helpers that are there show in the kernel's enum of them. */
enum bpf_func_id___since_5_15 {
	BPF_FUNC_task_pt_regs___since_5_15 = 175,
};

/* Which system call it is, where that isn't told: x86's numbers, and otherwise
 * by the flags.
 */
static __always_inline u8 call_by_number(struct task_struct *task, u64 flags)
{
#ifdef __TARGET_ARCH_x86
	struct pt_regs *regs;
	unsigned long number;

	if (bpf_core_enum_value_exists(enum bpf_func_id___since_5_15,
				       BPF_FUNC_task_pt_regs___since_5_15))
		regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	else
		/* task_pt_regs() of 64-bit kernels before FRED. */
		regs = BPF_CORE_READ(task, stack) + 16384 -
		       sizeof(struct pt_regs);
	if (bpf_probe_read_kernel(&number, sizeof(number), &regs->orig_rax))
		return SONDE_CALL_CLONE;
	switch (number) {
	case 56:
		return SONDE_CALL_CLONE;
	case 57:
		return SONDE_CALL_FORK;
	case 58:
		return SONDE_CALL_VFORK;
	case 435:
		return SONDE_CALL_CLONE3;
	}
#endif
	return (flags & (CLONE_VFORK | CLONE_VM)) == (CLONE_VFORK | CLONE_VM)
		       ? SONDE_CALL_VFORK
		       : SONDE_CALL_CLONE;
}

#define STACK_PERIOD 1000000

/* A stack takes longer than all the rest: of many clones in a short time, one a
 * millisecond tells who they are by. Returns when the clone begins.
 */
static __always_inline u64 tell_caller(void *ctx, u32 tid)
{
	u64 begin = bpf_ktime_get_ns();
	u32 zero = 0;
	u64 *last = bpf_map_lookup_elem(&stack_times, &zero);
	struct sonde_cpu *account;
	struct sonde_stack *record;
	long length;

	if (!last || begin - *last < STACK_PERIOD)
		return begin;
	*last = begin;
	record = ring_reserve_here(&account, sizeof(*record));
	if (!record)
		return begin;
	length = bpf_get_stack(ctx, record->frames, sizeof(record->frames),
			       BPF_F_USER_STACK);
	record->length = length > 0 ? length : 0;
	record->tid = tid;
	__builtin_memset(record->pad, 0, sizeof(record->pad));
	record->kind = SONDE_KIND_STACK;
	begin = bpf_ktime_get_ns();
	record->time = begin;
	ring_submit(record, account);
	return begin;
}

static __always_inline bool is_wanted(struct task_struct *task, u32 tgid)
{
	u64 *start = bpf_map_lookup_elem(&wanted, &tgid);

	return start && (!*start || *start == BPF_CORE_READ(task, group_leader,
							    start_time));
}

/* There is no room for what should have been told. */
static __always_inline void lose(void)
{
	struct sonde_cpu *account = this_account();

	if (account) {
		count(&account->seen, false);
		count(&account->no_ring, false);
	}
}

/* What the task has been off the CPU, but for a constant: the run queue's clock
 * as the scheduler last looked at the task, less what that has run. While it
 * runs both grow by the same, update_curr(), and otherwise the clock alone.
 */
static __always_inline u64 off_cpu(struct task_struct *task)
{
	struct rq *rq;

	/* Where there is CONFIG_FAIR_GROUP_SCHED; else the wait for a CPU. */
	if (!bpf_core_field_exists(task->se.cfs_rq))
		return BPF_CORE_READ(task, sched_info.run_delay);
	rq = BPF_CORE_READ(task, se.cfs_rq, rq);
	return BPF_CORE_READ(task, se.exec_start) + BPF_CORE_READ(rq, clock) -
	       BPF_CORE_READ(rq, clock_task) -
	       BPF_CORE_READ(task, se.sum_exec_runtime);
}

/* What the task has waited since its clone began. */
static __always_inline void waited(struct clone_state *state)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	long long off = off_cpu(task) - state->off_cpu;

	state->clone.queued_ns =
		BPF_CORE_READ(task, sched_info.run_delay) - state->run_delay;
	state->clone.off_cpu_ns = off > 0 ? off : 0;
}

static __always_inline int begin(void *ctx, u8 call, u64 flags)
{
	u64 ids = bpf_get_current_pid_tgid();
	u32 tid = (u32)ids, tgid = ids >> 32;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct clone_state *state;

	if ((flags & CLONE_THREAD) && !config_fork.threads)
		return 0;
	if (config_fork.only_wanted && !is_wanted(task, tgid))
		return 0;
	/* What is there already is a call whose end went unseen: a kretprobe
	 * has room for few calls at a time (maxactive).
	 */
	if (bpf_map_update_elem(&clones, &tid, &nothing, BPF_NOEXIST)) {
		lose();
		if (bpf_map_update_elem(&clones, &tid, &nothing, BPF_EXIST))
			return 0;
	}
	state = state_of(tid);
	if (!state)
		return 0;
	state->clone.call = call;
	state->clone.flags = flags;
	state->clone.tid = tid;
	state->clone.tgid = tgid;
	state->run_delay = BPF_CORE_READ(task, sched_info.run_delay);
	state->off_cpu = off_cpu(task);
	state->clone.time = tell_caller(ctx, tid);
	return 0;
}

static __always_inline int end(long result)
{
	u64 now = bpf_ktime_get_ns();
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct clone_state *state = state_of(tid);
	struct sonde_cpu *account;
	struct sonde_clone *record;
	struct task_struct *task;

	/* A child returns from the call too. */
	if (!state)
		return 0;
	record = ring_reserve_here(&account, sizeof(*record));
	if (!record)
		goto forget;
	task = (void *)bpf_get_current_task();
	/* A vfork parent has waited for its child since. */
	if (!(state->clone.flags & CLONE_VFORK))
		waited(state);
	*record = state->clone;
	record->ns = now - record->time;
	record->error = result < 0 ? -result : 0;
	if (state->runnable && state->complete)
		record->wake_ns = state->runnable - state->complete;
	if (state->runnable && (record->flags & CLONE_VFORK))
		record->wait_ns = now - state->runnable;
	record->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	record->kind = SONDE_KIND_CLONE;
	ring_submit(record, account);
forget:
	bpf_map_delete_elem(&clones, &tid);
	return 0;
}

static __always_inline int copy_begins(void)
{
	struct clone_state *state = state_of((u32)bpf_get_current_pid_tgid());

	if (state)
		state->copy_begin = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int copy_ends(void)
{
	struct clone_state *state = state_of((u32)bpf_get_current_pid_tgid());

	if (state && state->copy_begin) {
		state->clone.address_space_ns +=
			bpf_ktime_get_ns() - state->copy_begin;
		state->copy_begin = 0;
	}
	return 0;
}

static __always_inline int mapping_begins(void *mapping)
{
	struct clone_state *state = state_of((u32)bpf_get_current_pid_tgid());

	if (!state)
		return 0;
	state->mapping = mapping;
	state->mapping_begin = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void mapping_copied(struct clone_state *state, u64 ns)
{
	struct vm_area_struct *vma = state->mapping;
	u64 start = BPF_CORE_READ(vma, vm_start);
	u64 end = BPF_CORE_READ(vma, vm_end);
	u64 flags = BPF_CORE_READ(vma, vm_flags);
	u32 kind = mapping_kind(vma, start, end, flags);
	struct sonde_cpu *account;
	struct sonde_mapping *record;

	state->clone.page_tables_ns += ns;
	state->clone.mappings++;
	if (kind < SONDE_MAPPING_KINDS) {
		state->clone.kinds[kind].ns += ns;
		state->clone.kinds[kind].bytes += end - start;
		state->clone.kinds[kind].count++;
	}
	if (ns < config_fork.mapping_threshold)
		return;
	record = ring_reserve_here(&account, sizeof(*record));
	if (!record)
		return;
	record->time = state->mapping_begin;
	record->ns = ns;
	record->tid = state->clone.tid;
	record->mapping_kind = kind;
	__builtin_memset(record->pad, 0, sizeof(record->pad));
	record->kind = SONDE_KIND_MAPPING;
	record->start = start;
	record->end = end;
	record->flags = flags;
	ring_submit(record, account);
}

static __always_inline int step_begins(void)
{
	struct clone_state *state = state_of((u32)bpf_get_current_pid_tgid());

	if (state)
		state->step_begin = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int step_ends(enum sonde_step step)
{
	struct clone_state *state = state_of((u32)bpf_get_current_pid_tgid());

	if (!state || !state->step_begin)
		return 0;
	state->clone.steps[step].ns += bpf_ktime_get_ns() - state->step_begin;
	state->clone.steps[step].count++;
	state->step_begin = 0;
	return 0;
}

static __always_inline int mapping_ends(void)
{
	struct clone_state *state = state_of((u32)bpf_get_current_pid_tgid());

	if (!state || !state->mapping_begin)
		return 0;
	mapping_copied(state, bpf_ktime_get_ns() - state->mapping_begin);
	state->mapping_begin = 0;
	return 0;
}

#endif
