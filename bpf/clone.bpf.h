/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * A clone in progress: what is known of it between its probes.
 */
#ifndef SONDE_CLONE_BPF_H
#define SONDE_CLONE_BPF_H

#include "kernel.bpf.h"
#include "ring.bpf.h"
#include "memory.bpf.h"
#include "processes.bpf.h"
#include "stack_copy.bpf.h"
#include "include/sonde_clone.h"

const volatile struct sonde_clone_config clone_config SEC(".rodata.clone");
struct sonde_clone_control clone_control SEC(".data.control");
struct sonde_clone_status clone_status SEC(".data.status");

#define CALL_SLOTS 64

/* By thread. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CALL_SLOTS);
	__type(key, u32);
	__type(value, struct sonde_clone_state);
} call_slots SEC(".maps");

/* Overflow: those whose slot is taken. Preallocated: kernels before 6.1 warn
 * where a tracing program may allocate.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct sonde_clone_state);
} calls SEC(".maps");

/* Entries in `calls`. */
static u64 crowded_calls;

/* The processes that count, where not all do. Their descendants, where those
 * count too, are among the processes that a clone has made.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, u64);
} wanted SEC(".maps");

/* What a user stack is taken for. */
enum stack_use { OF_CLONE, OF_PAGE_COPY, STACK_USES };

/* When this CPU last took one. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STACK_USES);
	__type(key, u32);
	__type(value, u64);
} stack_times SEC(".maps");

static const struct sonde_clone_state no_call;

static __always_inline struct sonde_clone_state *call_slot(u32 tid)
{
	u32 index = tid % CALL_SLOTS;

	return bpf_map_lookup_elem(&call_slots, &index);
}

static __always_inline struct sonde_clone_state *state_of(u32 tid)
{
	struct sonde_clone_state *state = call_slot(tid);

	if (state && slot_is_of(&state->slot, tid))
		return state;
	if (!*(volatile u64 *)&crowded_calls)
		return NULL;
	return bpf_map_lookup_elem(&calls, &tid);
}

static __always_inline void forget_state(u32 tid)
{
	struct sonde_clone_state *state = call_slot(tid);

	if (state && slot_is_of(&state->slot, tid))
		slot_end(&state->slot, tid);
	else if (!bpf_map_delete_elem(&calls, &tid))
		add(&crowded_calls, -1ULL);
}

/* NULL where there is no room. */
static __always_inline struct sonde_clone_state *new_state(u32 tid)
{
	struct sonde_clone_state *state = call_slot(tid);

	if (state_of(tid)) {
		count(&clone_status.missed_ends, false);
		forget_state(tid);
	}
	if (state && slot_take(&state->slot)) {
		__builtin_memset(&state->clone, 0,
				 sizeof(*state) - sizeof(state->slot));
		slot_filled(&state->slot, tid);
		return state;
	}
	if (bpf_map_update_elem(&calls, &tid, &no_call, BPF_NOEXIST))
		return NULL;
	add(&crowded_calls, 1);
	return bpf_map_lookup_elem(&calls, &tid);
}

/* Which system call it is, where the probe doesn't say: by x86's numbers, and
 * otherwise by the flags.
 */
static __always_inline u8 call_by_number(struct task_struct *task, u64 flags)
{
#ifdef __TARGET_ARCH_x86
	struct pt_regs *regs = user_registers(task);
	unsigned long number;

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
/* One that is copied costs more, here and where it is unwound. */
#define STACK_COPY_PERIOD 10000000

/* A stack takes longer than all the rest: of many clones in a short time, one a
 * millisecond is enough to know who makes them. Returns the time after
 * that: when the clone begins, and the time of the stack's record, if there is
 * one.
 */
static __always_inline u64 emit_user_stack(void *ctx, u32 tid, u32 tgid,
					   u32 use)
{
	u64 begin = bpf_ktime_get_ns();
	u64 *last = bpf_map_lookup_elem(&stack_times, &use);
	struct sonde_cpu *counters;
	struct sonde_stack *record;
	long length;

	if (!last ||
	    begin - *last < (clone_config.copies_stacks ? STACK_COPY_PERIOD
							: STACK_PERIOD))
		return begin;
	*last = begin;
	if (clone_config.copies_stacks) {
		u64 copied = emit_stack_copy(tid, tgid, begin);

		if (copied)
			return copied;
	}
	record = ring_reserve_here(&counters, sizeof(*record));
	if (!record)
		return begin;
	length = bpf_get_stack(ctx, record->frames, sizeof(record->frames),
			       BPF_F_USER_STACK);
	begin = bpf_ktime_get_ns();
	set_header(&record->header, begin, tid, SONDE_KIND_STACK);
	record->header.aux = length > 0 ? length : 0;
	ring_submit(record, counters);
	return begin;
}

static __always_inline bool is_wanted(struct task_struct *task, u32 tgid)
{
	struct sonde_process *process;

	if (clone_config.follows) {
		process = process_of(
			tgid, CURRENT_READ(task, group_leader, start_time));
		if (process && process->begin)
			return true;
	}
	return bpf_map_lookup_elem(&wanted, &tgid);
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
		return CURRENT_READ(task, sched_info.run_delay);
	rq = CURRENT_READ(task, se.cfs_rq, rq);
	return CURRENT_READ(task, se.exec_start) + CURRENT_READ(rq, clock) -
	       CURRENT_READ(rq, clock_task) -
	       CURRENT_READ(task, se.sum_exec_runtime);
}

/* What the task has waited since its clone began. */
static __always_inline void account_off_cpu(struct sonde_clone_state *state)
{
	struct task_struct *task = current_task();
	long long off = off_cpu(task) - state->off_cpu;

	state->clone.queued_ns =
		CURRENT_READ(task, sched_info.run_delay) - state->run_delay;
	state->clone.off_cpu_ns = off > 0 ? off : 0;
}

/* A child is complete of whose call no beginning was seen. Before the last
 * probe is attached that call had begun by then; later its beginning was
 * missed, which is counted where it happens (bpf_prog's recursion, map_full).
 */
static __always_inline void note_straddling(struct task_struct *parent,
					    struct task_struct *child)
{
	if (clone_control.attached || (parent->flags & PF_KTHREAD))
		return;
	if (parent->tgid == child->tgid && !clone_config.threads)
		return;
	if (clone_config.only_wanted && !is_wanted(parent, parent->tgid))
		return;
	count(&clone_status.straddled, false);
}

static __always_inline int begin(void *ctx, u8 call, u64 flags)
{
	u64 ids = bpf_get_current_pid_tgid();
	u32 tid = (u32)ids, tgid = ids >> 32;
	struct task_struct *task = current_task();
	struct sonde_clone_state *state;

	if (clone_control.stopped)
		return 0;
	if ((flags & CLONE_THREAD) && !clone_config.threads)
		return 0;
	if (clone_config.only_wanted && !is_wanted(task, tgid))
		return 0;
	state = new_state(tid);
	if (!state) {
		count(&clone_status.map_full, false);
		return 0;
	}
	set_header(&state->clone.header, 0, tid, SONDE_KIND_CLONE);
	state->clone.header.aux = call;
	state->clone.flags = flags;
	state->clone.tgid = tgid;
	state->run_delay = CURRENT_READ(task, sched_info.run_delay);
	state->off_cpu = off_cpu(task);
	state->clone.begin = emit_user_stack(ctx, tid, tgid, OF_CLONE);
	return 0;
}

static __always_inline int end(long result)
{
	u64 now = bpf_ktime_get_ns(), runnable;
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct sonde_clone_state *state = state_of(tid);
	struct task_struct *task = current_task();
	struct sonde_clone *clone;

	if (!state)
		return 0;
	clone = &state->clone;
	runnable = state->runnable;
	/* From here on a sample would be of a call that has ended. */
	state->runnable = now;
	/* A vfork parent has waited for its child since. */
	if (!(clone->flags & CLONE_VFORK))
		account_off_cpu(state);
	clone->header.time = now;
	clone->ns = now - clone->begin;
	clone->error = result < 0 ? -result : 0;
	if (runnable && state->complete)
		clone->wake_ns = runnable - state->complete;
	if (runnable && (clone->flags & CLONE_VFORK))
		clone->wait_ns = now - runnable;
	clone->cgroup = CURRENT_READ(task, cgroups, dfl_cgrp, kn, id);
	bpf_get_current_comm(clone->comm, sizeof(clone->comm));
	ring_output_here(clone, state->has_parts ? sizeof(*clone)
						 : SONDE_CLONE_WITHOUT_PARTS);
	forget_state(tid);
	return 0;
}

#endif
