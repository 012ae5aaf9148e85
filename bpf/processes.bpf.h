/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * What is known of the processes that clones have made, and of those that have
 * made one.
 */
#ifndef SONDE_PROCESSES_BPF_H
#define SONDE_PROCESSES_BPF_H

#include "slots.bpf.h"

#define PROCESS_SLOTS 256

/* Those that a clone has made, and those that have made one. By process:
 * whichever thread calls exec, it takes the leader's id over before
 * sched_process_exec (de_thread()).
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROCESS_SLOTS);
	__type(key, u32);
	__type(value, struct sonde_process);
} process_slots SEC(".maps");

/* Overflow: those whose slot is taken. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct sonde_process);
} processes SEC(".maps");

/* Entries in `processes`. */
static u64 crowded_processes;

/* Children that have ended without an exec and are on their way out, where
 * their slot or entry may soon be another's: since 6.16 a process comes to
 * sched_process_exit before it takes its memory down (Andrii Nakryiko, "exit:
 * move and extend sched_process_exit() tracepoint"). max_entries is set by the
 * number of possible CPUs before load: each holds some free entries back
 * (kernel/bpf/bpf_lru_list.c).
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct sonde_process);
} ending SEC(".maps");

static __always_inline struct sonde_process *process_slot(u32 tgid)
{
	u32 index = tgid % PROCESS_SLOTS;

	return bpf_map_lookup_elem(&process_slots, &index);
}

static __always_inline struct sonde_process *process_of(u32 tgid,
							u64 start_time)
{
	struct sonde_process *process = process_slot(tgid);

	if (!process || !slot_is_of(&process->slot, tgid)) {
		if (!*(volatile u64 *)&crowded_processes)
			return NULL;
		process = bpf_map_lookup_elem(&processes, &tgid);
	}
	return process && process->start_time == start_time ? process : NULL;
}

/* NULL where there is no room. What is known of the same process already, since
 * another of its threads forks at the same time, stays.
 */
static __always_inline struct sonde_process *
new_process(u32 tgid, const struct sonde_process *initial)
{
	struct sonde_process *process = process_slot(tgid);

	if (process && slot_is_of(&process->slot, tgid)) {
		if (process->start_time == initial->start_time)
			return process;
		slot_end(&process->slot, tgid);
	}
	if (process && slot_take(&process->slot)) {
		__builtin_memcpy(&process->start_time, &initial->start_time,
				 sizeof(*process) - sizeof(process->slot));
		slot_filled(&process->slot, tgid);
		return process;
	}
	if (!bpf_map_update_elem(&processes, &tgid, initial, BPF_NOEXIST))
		add(&crowded_processes, 1);
	else if (bpf_map_update_elem(&processes, &tgid, initial, BPF_EXIST))
		return NULL;
	return bpf_map_lookup_elem(&processes, &tgid);
}

/* Its id is free for another process. */
static __always_inline void forget_process(u32 tgid)
{
	struct sonde_process *process = process_slot(tgid);

	if (process && slot_is_of(&process->slot, tgid))
		slot_end(&process->slot, tgid);
	if (*(volatile u64 *)&crowded_processes &&
	    !bpf_map_delete_elem(&processes, &tgid))
		add(&crowded_processes, -1ULL);
}

#endif
