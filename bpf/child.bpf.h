/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * What becomes of the processes that clones make: exec, exit, and what they
 * have written by then.
 */
#ifndef SONDE_CHILD_BPF_H
#define SONDE_CHILD_BPF_H

#include "clone.bpf.h"
#include "write_faults.bpf.h"

static __always_inline void emit_child(const struct sonde_process *child,
				       u32 tid, u16 event, u64 written)
{
	struct sonde_cpu *counters;
	struct sonde_child *record =
		ring_reserve_here(&counters, sizeof(*record));
	u64 now = bpf_ktime_get_ns();

	if (!record)
		return;
	set_header(&record->header, now, tid, SONDE_KIND_CHILD);
	record->header.aux = event;
	if (event == SONDE_CHILD_EXIT && child->has_execed)
		record->header.flags = SONDE_CHILD_EXECED;
	record->begin = child->begin;
	record->ns = now - child->complete;
	record->written = written;
	record->tgid = child->tgid;
	record->pad = 0;
	ring_submit(record, counters);
}

/* Threads that have ended before are in the signal struct, but for the leader:
 * that stays to the end (release_task()).
 */
static __always_inline u64 bytes_written(struct task_struct *task)
{
	u64 bytes;

	if (!bpf_core_field_exists(task->ioac.wchar))
		return ~0ULL;
	bytes = task->signal->ioac.wchar + task->ioac.wchar;
	if (task->pid != task->tgid)
		bytes += task->group_leader->ioac.wchar;
	return bytes;
}

/* NULL if parents are not tracked, or there is no room. */
static __always_inline struct sonde_process *
note_parent(struct task_struct *parent, u64 now)
{
	struct sonde_process new = {
		.start_time = parent->group_leader->start_time,
		.forked_at = now,
		.has_forked = true,
	};
	struct sonde_process *process;

	if (!clone_config.samples_after_fork && !clone_config.counts_faults)
		return NULL;
	process = process_of(parent->tgid, new.start_time);
	if (!process)
		return new_process(parent->tgid, &new);
	if (!process->has_forked) {
		process->forked_at = now;
		process->has_forked = true;
	}
	return process;
}

/* The child is complete, and does not run yet. One that shares its parent's
 * memory has nothing to copy later.
 */
static __always_inline void note_child(struct sonde_clone_state *state,
				       struct task_struct *parent,
				       struct task_struct *child)
{
	struct sonde_process new = {
		.start_time = child->start_time,
		.begin = state->clone.begin,
		.complete = state->complete,
		.tgid = state->clone.tgid,
		.shares_memory = !!(state->clone.flags & CLONE_VM),
		.is_early = !clone_control.attached,
	};
	struct sonde_process *process;

	if (!new.shares_memory) {
		process = note_parent(parent, state->complete);
		if (process)
			new.parent_copied = process->copied;
	}
	if (new_process(child->tgid, &new))
		return;
	state->clone.header.flags |= SONDE_CLONE_UNFOLLOWED;
	if (clone_config.follows)
		count(&clone_status.map_full, false);
}

static __always_inline void note_exec(struct task_struct *task)
{
	struct sonde_process *process =
		process_of(task->tgid, task->group_leader->start_time);

	if (!process)
		return;
	emit_write_faults(process, task);
	process->faults = 0;
	process->copied = 0;
	process->has_forked = false;
	if (!process->begin || process->has_execed)
		return;
	process->has_execed = true;
	emit_child(process, task->tgid, SONDE_CHILD_EXEC, 0);
}

/* Of so many pages the teardown takes a while. */
#define MANY_PAGES 4096

static __always_inline bool takes_long_to_end(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	return mm && PAGES(mm, SONDE_MM_ANONPAGES) >= MANY_PAGES;
}

/* Returns whether the process may be among the wanted. The last two threads may
 * both see that none is left: then there are two records, and the reader takes
 * the first.
 */
static __always_inline bool note_exit(struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct sonde_process *process =
		process_of(tgid, task->group_leader->start_time);
	bool is_wanted;

	if (!process)
		return true;
	emit_write_faults(process, task);
	is_wanted = !process->begin || process->is_early;
	if (process->begin) {
		emit_child(process, tgid, SONDE_CHILD_EXIT,
			   bytes_written(task));
		if (clone_config.samples_after_fork && !process->has_execed &&
		    (process != process_slot(tgid) || takes_long_to_end(task)))
			bpf_map_update_elem(&ending, &tgid, process, BPF_ANY);
	}
	forget_process(tgid);
	return is_wanted;
}

#endif
