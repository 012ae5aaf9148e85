/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * The copy of the address space within a clone in progress: as a whole, by
 * mapping, and by step.
 */
#ifndef SONDE_COPY_BPF_H
#define SONDE_COPY_BPF_H

#include "clone.bpf.h"

static __always_inline int copy_begins(void)
{
	struct sonde_clone_state *state =
		state_of((u32)bpf_get_current_pid_tgid());

	if (state)
		state->copy_begin = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int copy_ends(void)
{
	struct sonde_clone_state *state =
		state_of((u32)bpf_get_current_pid_tgid());

	if (state && state->copy_begin) {
		state->clone.address_space_ns +=
			bpf_ktime_get_ns() - state->copy_begin;
		state->copy_begin = 0;
	}
	return 0;
}

static __always_inline int mapping_begins(void *mapping)
{
	struct sonde_clone_state *state =
		state_of((u32)bpf_get_current_pid_tgid());

	if (!state)
		return 0;
	state->mapping = (u64)mapping;
	state->mapping_begin = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void mapping_copied(struct sonde_clone_state *state,
					   u64 ns)
{
	struct vm_area_struct *vma = (void *)state->mapping;
	u64 start = BPF_CORE_READ(vma, vm_start);
	u64 end = BPF_CORE_READ(vma, vm_end);
	u64 flags = BPF_CORE_READ(vma, vm_flags);
	u32 kind = mapping_kind(vma, start, end, flags);
	struct sonde_cpu *counters;
	struct sonde_mapping *record;

	state->clone.page_tables_ns += ns;
	state->clone.mappings++;
	state->has_parts = true;
	if (kind < SONDE_MAPPING_KINDS) {
		state->clone.kinds[kind].ns += ns;
		state->clone.kinds[kind].bytes += end - start;
		state->clone.kinds[kind].count++;
	}
	if (ns < clone_config.mapping_threshold)
		return;
	record = ring_reserve_here(&counters, sizeof(*record));
	if (!record)
		return;
	set_header(&record->header, state->mapping_begin + ns,
		   state->clone.header.tid, SONDE_KIND_MAPPING);
	record->header.aux = kind;
	record->begin = state->clone.begin;
	record->ns = ns;
	record->start = start;
	record->end = end;
	ring_submit(record, counters);
}

static __always_inline int mapping_ends(void)
{
	struct sonde_clone_state *state =
		state_of((u32)bpf_get_current_pid_tgid());

	if (!state || !state->mapping_begin)
		return 0;
	mapping_copied(state, bpf_ktime_get_ns() - state->mapping_begin);
	state->mapping_begin = 0;
	return 0;
}

static __always_inline int step_begins(void)
{
	struct sonde_clone_state *state =
		state_of((u32)bpf_get_current_pid_tgid());

	if (state)
		state->step_begin = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int step_ends(enum sonde_step step)
{
	struct sonde_clone_state *state =
		state_of((u32)bpf_get_current_pid_tgid());

	if (!state || !state->step_begin)
		return 0;
	state->clone.steps[step].ns += bpf_ktime_get_ns() - state->step_begin;
	state->clone.steps[step].count++;
	state->has_parts = true;
	state->step_begin = 0;
	return 0;
}

#endif
