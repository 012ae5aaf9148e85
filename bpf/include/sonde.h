/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * What every program here writes and the Swift side reads: the header of all
 * ring records, and the counters that say which of them got through.
 * Fixed-width fields, explicit padding, sizes asserted: both sides compile this
 * very file.
 */
#ifndef SONDE_H
#define SONDE_H

#include "sonde_kernel.h"

#define SONDE_COMM_LEN 16

enum sonde_kind {
	/* sched.bpf.c */
	SONDE_KIND_SWITCH = 1,
	SONDE_KIND_NEW_TASK = 2,
	SONDE_KIND_RENAME = 3,
	SONDE_KIND_EXEC = 4,
	SONDE_KIND_WAIT = 5,
	SONDE_KIND_MIGRATE = 6,
	SONDE_KIND_LOAD = 7,
	/* clone.bpf.c */
	SONDE_KIND_CLONE = 16,
	SONDE_KIND_MAPPING = 17,
	SONDE_KIND_SAMPLE = 18,
	SONDE_KIND_STACK = 19,
	SONDE_KIND_CHILD = 20,
	SONDE_KIND_AFTER_FORK = 21,
	SONDE_KIND_STACK_COPY = 22,
	SONDE_KIND_WRITE_FAULTS = 23,
	SONDE_KIND_PAGE_COPY = 24,
};

/* What every ring record begins with. */
struct sonde_header {
	/* when it was emitted, by the clock that all records of a program
	 * share, ns: a reader merges the rings of all CPUs by it
	 */
	sonde_u64 time;
	/* the task that it is about */
	sonde_u32 tid;
	sonde_u8 kind;
	/* these two: as each kind of record says, or 0 */
	sonde_u8 flags;
	sonde_u16 aux;
};

/* The kernel side's own counters of one CPU; a cache line of its own. */
struct sonde_cpu {
	/* records that were to be delivered */
	sonde_u64 records;
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

#define SONDE_ASSERT_RECORD(type, size)                                        \
	_Static_assert(sizeof(struct type) == (size), #type);                  \
	_Static_assert(__builtin_offsetof(struct type, header) == 0, #type)

_Static_assert(sizeof(struct sonde_header) == 16, "sonde_header");
_Static_assert(__builtin_offsetof(struct sonde_header, time) == 0, "time");
_Static_assert(sizeof(struct sonde_cpu) == 64, "sonde_cpu");
_Static_assert(sizeof(struct sonde_config) == 8, "sonde_config");

#endif
