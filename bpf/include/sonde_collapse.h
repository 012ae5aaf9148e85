/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * How long one thread holds the mmap_lock of another process, and how long
 * others wait for it because of that.
 */
#ifndef SONDE_COLLAPSE_H
#define SONDE_COLLAPSE_H

#include "sonde.h"

struct sonde_collapse_config {
	/* the thread, by its id in the initial PID namespace; its process' own
	 * lock doesn't count
	 */
	sonde_u32 tid;
	/* Before d2ea5c9ac9cc ("mm: remove unused memcg_path from mmap_lock
	 * tracepoints") the second argument is a path.
	 */
	sonde_u32 has_path;
};

/* Kernel to user space; times in ns. Index 0: held for reading, which only
 * writers wait for; 1: for writing. longest_wait: 0 of readers, 1 of writers.
 */
struct sonde_lock_holds {
	sonde_u64 begin[2];
	sonde_u64 count[2];
	sonde_u64 longest[2];
	sonde_u64 longest_wait[2];
	/* holds that have begun; the counts are of those that have ended */
	sonde_u64 begun;
	/* whose lock was held last */
	sonde_u64 mm;
};

_Static_assert(sizeof(struct sonde_collapse_config) == 8,
	       "sonde_collapse_config");
_Static_assert(sizeof(struct sonde_lock_holds) == 80, "sonde_lock_holds");

#endif
