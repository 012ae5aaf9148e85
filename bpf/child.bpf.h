/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * What becomes of the processes that clones make: exec, exit, and what they
 * have written by then.
 */
#ifndef SONDE_CHILD_BPF_H
#define SONDE_CHILD_BPF_H

#include "clone.bpf.h"

struct child_state {
	/* of the clone that made it */
	u64 begin;
	u64 complete;
	/* an end may go unseen, and then another process has the id */
	u64 start_time;
	/* the parent's process */
	u32 tgid;
	u32 has_execed;
};

/* By process: whichever thread calls exec, it takes the leader's id over before
 * sched_process_exec (de_thread()).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct child_state);
} children SEC(".maps");

/* Those that have ended without an exec and are on their way out: since 6.16 a
 * process comes to sched_process_exit before it takes its memory down (Andrii
 * Nakryiko, "exit: move and extend sched_process_exit() tracepoint").
 * max_entries is set by the number of possible CPUs before load: each holds
 * some free entries back (kernel/bpf/bpf_lru_list.c).
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct child_state);
} ending SEC(".maps");

/* Processes that have forked, until they call exec or end, with the time of
 * their start: an end may go unseen.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, u64);
} parents SEC(".maps");

static __always_inline void forget_parent(u32 tgid)
{
	if (clone_config.samples_after_fork)
		bpf_map_delete_elem(&parents, &tgid);
}

static __always_inline void note_parent(struct task_struct *parent)
{
	u64 start = parent->group_leader->start_time, *known;
	u32 tgid = parent->tgid;

	if (!clone_config.samples_after_fork)
		return;
	known = bpf_map_lookup_elem(&parents, &tgid);
	if (!known || *known != start)
		bpf_map_update_elem(&parents, &tgid, &start, BPF_ANY);
}

static __always_inline void follow_child(struct clone_state *state,
					 struct task_struct *child)
{
	struct child_state new = {
		.begin = state->clone.begin,
		.complete = state->complete,
		.start_time = child->start_time,
		.tgid = state->clone.tgid,
	};
	u32 tgid = child->tgid;

	if (bpf_map_update_elem(&children, &tgid, &new, BPF_ANY))
		state->clone.header.flags |= SONDE_CLONE_UNFOLLOWED;
}

static __always_inline struct child_state *
child_state_of(struct task_struct *task, u32 tgid)
{
	struct child_state *child = bpf_map_lookup_elem(&children, &tgid);

	if (!child ||
	    child->start_time != BPF_CORE_READ(task, group_leader, start_time))
		return NULL;
	return child;
}

static __always_inline void emit_child(const struct child_state *child, u32 tid,
				       u16 event, u64 written)
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
	bytes = BPF_CORE_READ(task, signal, ioac.wchar) +
		BPF_CORE_READ(task, ioac.wchar);
	if (task->pid != task->tgid)
		bytes += BPF_CORE_READ(task, group_leader, ioac.wchar);
	return bytes;
}

static __always_inline void child_execs(struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct child_state *child = child_state_of(task, tgid);

	if (!child || child->has_execed)
		return;
	child->has_execed = 1;
	emit_child(child, tgid, SONDE_CHILD_EXEC, 0);
}

static __always_inline void child_exits(struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct child_state *child = child_state_of(task, tgid), last;

	if (!child)
		return;
	last = *child;
	/* The last two threads may both see that none is left. */
	if (bpf_map_delete_elem(&children, &tgid))
		return;
	emit_child(&last, tgid, SONDE_CHILD_EXIT, bytes_written(task));
	if (clone_config.samples_after_fork && !last.has_execed)
		bpf_map_update_elem(&ending, &tgid, &last, BPF_ANY);
}

#endif
