/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * One ring per CPU (a ring buffer has one spinlock, kernel/bpf/ringbuf.c) and
 * the counters of what went in and what did not.
 */
#ifndef SONDE_RING_BPF_H
#define SONDE_RING_BPF_H

#include "kernel.bpf.h"
#include "include/sonde.h"

const volatile struct sonde_config config SEC(".rodata.config");

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

/* max_entries of both is set to the number of possible CPUs before load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct ring);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct sonde_cpu);
} cpus SEC(".maps");

/* sched_switch runs with this CPU to itself and may add as it likes. A program
 * that a switch can interrupt must add in one instruction.
 */
static __always_inline void count(u64 *counter, bool alone)
{
	if (alone)
		(*counter)++;
	else
		/* Not __sync_fetch_and_add(): clang makes it fetch, which
		 * kernels before 5ffa25502b5a ("bpf: Add instructions for
		 * atomic_[cmp]xchg"), 5.12, refuse.
		 */
		asm volatile("lock *(u64 *)(%0 + 0) += %1"
			     :
			     : "r"(counter), "r"(1ULL)
			     : "memory");
}

/* NULL where the record is lost; the loss is counted. */
static __always_inline void *
ring_reserve(void *ring, struct sonde_cpu *counters, u64 size, bool alone)
{
	void *record;

	count(&counters->records, alone);
	if (!ring) {
		count(&counters->no_ring, alone);
		return NULL;
	}
	record = bpf_ringbuf_reserve(ring, size, 0);
	if (!record)
		count(&counters->ring_full, alone);
	return record;
}

/* In the ring of the CPU that this runs on, in a program that may be
 * interrupted; with that CPU's counters.
 */
static __always_inline void *ring_reserve_here(struct sonde_cpu **counters,
					       u64 size)
{
	u32 cpu = bpf_get_smp_processor_id();

	*counters = bpf_map_lookup_elem(&cpus, &cpu);
	if (!*counters)
		return NULL;
	return ring_reserve(bpf_map_lookup_elem(&rings, &cpu), *counters, size,
			    false);
}

static __always_inline void set_header(struct sonde_header *header, u64 time,
				       u32 tid, u8 kind)
{
	header->time = time;
	header->tid = tid;
	header->kind = kind;
	header->flags = 0;
	header->aux = 0;
}

/* A wakeup per record would cost many times the record: a timer drains, and a
 * wakeup comes only with every so many records.
 */
static __always_inline u64 ring_flags(struct sonde_cpu *counters)
{
	if (++counters->since_wakeup < config.wakeup_records)
		return BPF_RB_NO_WAKEUP;
	counters->since_wakeup = 0;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void ring_submit(void *record,
					struct sonde_cpu *counters)
{
	bpf_ringbuf_submit(record, ring_flags(counters));
}

/* A record that lies elsewhere, as ring_reserve_here() and ring_submit(). */
static __always_inline void ring_output_here(void *record, u64 size)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct sonde_cpu *counters = bpf_map_lookup_elem(&cpus, &cpu);
	void *ring = bpf_map_lookup_elem(&rings, &cpu);

	if (!counters)
		return;
	count(&counters->records, false);
	if (!ring)
		count(&counters->no_ring, false);
	else if (bpf_ringbuf_output(ring, record, size, ring_flags(counters)))
		count(&counters->ring_full, false);
}

#endif
