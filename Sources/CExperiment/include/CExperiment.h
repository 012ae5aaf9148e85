/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process whose forks `cloneprof demo` measures. It is C, and small, so
 * that nothing but the memory in question is copied.
 */
#ifndef CEXPERIMENT_H
#define CEXPERIMENT_H

#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>

/* What the memory is made of. */
enum sonde_layout {
	SONDE_LAYOUT_EMPTY,
	/* none, and as many mappings as SONDE_LIBRARIES shared libraries have
	 */
	SONDE_LAYOUT_LIBRARIES,
	/* pages of 4 KiB */
	SONDE_LAYOUT_SMALL,
	/* folios of `page` bytes, each page with an entry of its own (mTHP) */
	SONDE_LAYOUT_MTHP,
	/* transparent huge pages, from the first touch on */
	SONDE_LAYOUT_THP,
	/* pages of 4 KiB that MADV_COLLAPSE has made huge ones */
	SONDE_LAYOUT_COLLAPSED,
	/* from a pool of pages of `page` bytes */
	SONDE_LAYOUT_HUGETLB,
	/* pages of 4 KiB in mappings of `page` bytes */
	SONDE_LAYOUT_MANY,
	SONDE_LAYOUT_SHARED,
	SONDE_LAYOUT_DONTFORK,
};

/* Each has five mappings, two of which it has written to. */
#define SONDE_LIBRARIES 64

/* How a child is made. */
enum sonde_child {
	SONDE_CHILD_FORK,
	SONDE_CHILD_VFORK,
	SONDE_CHILD_SPAWN,
	/* clone() with CLONE_VM and a stack of its own, as for a thread */
	SONDE_CHILD_VM,
};

#define SONDE_FORKS 64
#define SONDE_WRITES 1024

struct sonde_arrangement {
	uint32_t layout;
	uint32_t child;
	uint64_t bytes;
	uint64_t page;
	/* at most SONDE_FORKS */
	uint32_t forks;
	/* at most SONDE_WRITES; 0 leaves out all that comes after the forks */
	uint32_t writes;
};

/* Where the process is; it waits there for the other side. */
enum sonde_stage {
	SONDE_STAGE_SETUP,
	/* memory is in place */
	SONDE_STAGE_READY,
	/* forks are measured; a child lives that shares all the memory */
	SONDE_STAGE_FORKED,
	/* the parent has written to some of it */
	SONDE_STAGE_WRITTEN,
	SONDE_STAGE_DONE,
};

/* Times in ns, CLOCK_MONOTONIC. */
struct sonde_outcome {
	uint32_t stage;
	/* of the call that failed; 0 */
	int32_t error;
	/* its name */
	char failed[32];
	/* to map and touch, without what follows */
	uint64_t touch_ns;
	/* MADV_COLLAPSE of all, and the longest of 2 MiB */
	uint64_t collapse_ns;
	uint64_t longest_collapse_ns;
	/* forks, and what their children took to exit */
	uint32_t forks;
	uint64_t fork_ns[SONDE_FORKS];
	uint64_t exit_ns[SONDE_FORKS];
	/* the first write to pages that parent and child share */
	uint32_t parent_writes;
	uint32_t child_writes;
	uint64_t parent_write_ns[SONDE_WRITES];
	uint64_t child_write_ns[SONDE_WRITES];
	/* the signal that ended the child while it wrote; 0 */
	int32_t child_signal;
	/* the child that lives from SONDE_STAGE_FORKED on */
	int32_t child;
	/* forks after those writes */
	uint32_t later_forks;
	uint64_t later_fork_ns[SONDE_FORKS];
	/* The memory held what was written to it. */
	uint32_t intact;
};

/* Starts such a process, which ends with this one. `outcome` is memory that
 * both see, zeroed: sonde_shared(). It goes on from one stage to the next with
 * each byte that is written to `gate`, and ends where that is closed; a byte
 * can be read from `report` at each stage, and its end where the process has
 * gone. The process id, or -1 and errno.
 */
pid_t sonde_start_experiment(const struct sonde_arrangement *arrangement,
			     struct sonde_outcome *outcome, int *gate,
			     int *report);

/* Zeroed memory that children share; NULL and errno. */
void *sonde_shared(size_t size);

/* Starts a process that puts settings back once this one has gone, however it
 * went. What is written to the descriptor that is returned are lines "PATH
 * VALUE"; as it is closed the values are written to the files, the last line
 * first. -1 and errno.
 */
int sonde_start_guard(pid_t *guard);

/* process_madvise(2) of 2 MiB steps: MADV_COLLAPSE; 0, or the errno. */
int sonde_collapse(int pidfd, uint64_t start, uint64_t size);

#endif
