/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * What forks cost after the call, by samples: of a child until its first exec
 * or to its end, and of a parent while it is in the kernel. A child that forks
 * is still its parent's: what its own forks make it pay is on that bill.
 */
#ifndef SONDE_AFTER_FORK_BPF_H
#define SONDE_AFTER_FORK_BPF_H

#include <linux/bpf_perf_event.h>
#include "child.bpf.h"

static __always_inline bool in_user_mode(struct bpf_perf_event_data *ctx)
{
#ifdef __TARGET_ARCH_x86
	/* The context is read by 8 bytes: pe_prog_is_valid_access(). */
	return *(volatile u64 *)&ctx->regs.cs & 3;
#else
	/* PSTATE.M is 0 at EL0. */
	return !(*(volatile u64 *)&ctx->regs.pstate & 0xf);
#endif
}

static __always_inline void emit_after_fork(struct bpf_perf_event_data *ctx,
					    u32 tgid, u64 begin, u32 parent,
					    u8 flags)
{
	struct sonde_cpu *counters;
	struct sonde_after_fork *record =
		ring_reserve_here(&counters, sizeof(*record));
	u64 now = bpf_ktime_get_ns();
	long length = 0;

	if (!record)
		return;
	if (!(flags & SONDE_AFTER_FORK_USER))
		length = bpf_get_stack(ctx, record->frames,
				       sizeof(record->frames), 0);
	set_header(&record->header, now, tgid, SONDE_KIND_AFTER_FORK);
	record->header.aux = length > 0 ? length : 0;
	record->header.flags = flags;
	record->begin = begin;
	record->tgid = parent;
	record->pad = 0;
	ring_submit(record, counters);
}

/* One that has ended may still be in exit_mm() or later in do_exit(). */
static __always_inline struct sonde_process *
sampled_process(struct task_struct *task, u32 tgid)
{
	u64 start_time = BPF_CORE_READ(task, group_leader, start_time);
	struct sonde_process *process = process_slot(tgid);

	if (process && process->slot.id == tgid &&
	    process->start_time == start_time)
		return process;
	process = process_of(tgid, start_time);
	if (process)
		return process;
	process = bpf_map_lookup_elem(&ending, &tgid);
	return process && process->start_time == start_time ? process : NULL;
}

static __always_inline int sample_after_fork(struct bpf_perf_event_data *ctx)
{
	u64 ids = bpf_get_current_pid_tgid();
	u32 tid = (u32)ids, tgid = ids >> 32;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct sonde_process *process;
	bool in_user;

	/* A clone in progress has its own measurement. */
	if (!tgid || state_of(tid))
		return 0;
	in_user = in_user_mode(ctx);
	process = sampled_process(task, tgid);
	if (!process)
		return 0;
	if (process->begin && !process->has_execed)
		emit_after_fork(ctx, tgid, process->begin, process->tgid,
				in_user ? SONDE_AFTER_FORK_USER : 0);
	else if (!in_user && process->has_forked)
		emit_after_fork(ctx, tgid, 0, tgid, SONDE_AFTER_FORK_PARENT);
	return 0;
}

#endif
