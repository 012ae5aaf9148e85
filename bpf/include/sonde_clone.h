/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * What cloneprof's kernel side writes and the Swift side reads. Times are
 * CLOCK_MONOTONIC, durations ns; 0 where a part wasn't measured.
 */
#ifndef SONDE_CLONE_H
#define SONDE_CLONE_H

#include "sonde.h"

enum sonde_call {
	SONDE_CALL_CLONE = 0,
	SONDE_CALL_CLONE3 = 1,
	SONDE_CALL_FORK = 2,
	SONDE_CALL_VFORK = 3,
};

enum sonde_mapping_kind {
	SONDE_MAPPING_HEAP,
	SONDE_MAPPING_STACK,
	SONDE_MAPPING_ANONYMOUS,
	SONDE_MAPPING_HUGETLB,
	SONDE_MAPPING_FILE_PRIVATE,
	SONDE_MAPPING_SHARED,
	SONDE_MAPPING_KINDS,
};

/* All mappings of a kind whose page tables one clone went through. */
struct sonde_mappings {
	sonde_u64 bytes;
	sonde_u64 ns;
	sonde_u64 count;
};

/* Functions that are called once for each mapping, hugetlb mapping or 2 MiB. */
enum sonde_step {
	/* vm_area_dup() */
	SONDE_STEP_MAPPING,
	/* anon_vma_fork() */
	SONDE_STEP_REVERSE_MAPPING,
	/* copy_hugetlb_page_range() */
	SONDE_STEP_HUGETLB,
	/* copy_pte_range() */
	SONDE_STEP_ENTRIES,
	SONDE_STEPS,
};

struct sonde_step_sum {
	sonde_u64 ns;
	sonde_u64 count;
};

/* The child's fate is not followed: there was no room for it. */
#define SONDE_CLONE_UNFOLLOWED 0x1

/* One call, at its end. aux is its sonde_call, flags are SONDE_CLONE_*. */
struct sonde_clone {
	struct sonde_header header;
	/* when it began */
	sonde_u64 begin;
	/* the whole call */
	sonde_u64 ns;
	/* of a vfork parent, for its child */
	sonde_u64 wait_ns;
	/* dup_mmap(), or the bracket around it */
	sonde_u64 address_space_ns;
	/* copy_page_range() of all mappings */
	sonde_u64 page_tables_ns;
	/* from the child's being complete to its being runnable */
	sonde_u64 wake_ns;
	/* waiting for a CPU meanwhile: growth of run_delay */
	sonde_u64 queued_ns;
	/* all that it was off the CPU meanwhile, that wait and sleep */
	sonde_u64 off_cpu_ns;
	/* CLONE_*; of clone3 all 64 bits */
	sonde_u64 flags;
	sonde_u64 cgroup;
	/* of the child's address space as it begins; 0 where it shares one */
	sonde_u64 page_table_bytes;
	sonde_u64 anonymous_pages;
	sonde_u64 file_pages;
	sonde_u64 shared_pages;
	sonde_u64 swapped_pages;
	sonde_u64 hugetlb_pages;
	sonde_u32 tgid;
	/* in the machine's own ids */
	sonde_u32 child;
	/* 0, or the errno it failed with */
	sonde_u32 error;
	sonde_u32 mappings;
	sonde_u8 comm[SONDE_COMM_LEN];
	/* A record ends here where nothing below was measured. */
	struct sonde_mappings kinds[SONDE_MAPPING_KINDS];
	/* 0 unless they were asked for */
	struct sonde_step_sum steps[SONDE_STEPS];
};

/* sizeof() of one that ends before `kinds` */
#define SONDE_CLONE_WITHOUT_PARTS 176

/* Of a table by id: bpf/slots.bpf.h. */
struct sonde_slot {
	/* Who takes the slot adds 1 meanwhile. */
	sonde_u64 takers;
	/* whose it is; 0 where it is free */
	sonde_u32 id;
	/* where it is `id` the slot is free too */
	sonde_u32 ended;
};

/* A call in progress: what is known of it between its probes. */
struct sonde_clone_state {
	struct sonde_slot slot;
	struct sonde_clone clone;
	/* whether any of its kinds or steps was measured */
	sonde_u64 has_parts;
	sonde_u64 complete;
	sonde_u64 runnable;
	sonde_u64 copy_begin;
	sonde_u64 mapping_begin;
	sonde_u64 step_begin;
	/* struct vm_area_struct */
	sonde_u64 mapping;
	sonde_u64 run_delay;
	sonde_u64 off_cpu;
};

/* The page tables of one mapping took long to copy. aux is its
 * sonde_mapping_kind.
 */
struct sonde_mapping {
	struct sonde_header header;
	/* of the call in progress: when that began */
	sonde_u64 begin;
	sonde_u64 ns;
	sonde_u64 start;
	sonde_u64 end;
};

#define SONDE_SAMPLE_FRAMES 24

/* Where in the kernel a task was that is inside a call. aux is the bytes of
 * frames.
 */
struct sonde_sample {
	struct sonde_header header;
	/* of the call in progress: when that began */
	sonde_u64 begin;
	/* innermost first */
	sonde_u64 frames[SONDE_SAMPLE_FRAMES];
};

#define SONDE_STACK_FRAMES 32

/* Who makes a call or copies a page, in user space. Its time is the call's
 * begin, or sonde_page_copy's stack. aux is the bytes of frames; 0 where there
 * is no stack.
 */
struct sonde_stack {
	struct sonde_header header;
	/* innermost first */
	sonde_u64 frames[SONDE_STACK_FRAMES];
};

/* struct pt_regs of x86-64. */
#define SONDE_PT_REGS 21
#define SONDE_STACK_BYTES 32768

/* The same for programs without frame pointers, which the reader unwinds: a
 * copy of what lies on the stack.
 */
struct sonde_stack_copy {
	struct sonde_header header;
	/* with which the task has entered the kernel */
	sonde_u64 registers[SONDE_PT_REGS];
	/* of the process, and how often it has called exec */
	sonde_u64 start_time;
	sonde_u64 exec_id;
	sonde_u32 tgid;
	/* where the copy ends in these bytes, which begin with the page that
	 * the stack pointer is in
	 */
	sonde_u32 end;
	sonde_u8 bytes[SONDE_STACK_BYTES];
};

enum sonde_child_event {
	/* its first exec has succeeded */
	SONDE_CHILD_EXEC = 1,
	/* its last thread has ended */
	SONDE_CHILD_EXIT = 2,
};

/* Of an exit: the child has called exec before. */
#define SONDE_CHILD_EXECED 0x1

/* What became of a process that a clone made. It may come before the record of
 * that clone, and always does where the parent waits for it (vfork). aux is its
 * sonde_child_event, flags are SONDE_CHILD_EXECED or 0; tid is the child's
 * process.
 */
struct sonde_child {
	struct sonde_header header;
	/* of the call that made it: when that began */
	sonde_u64 begin;
	/* since the child was complete */
	sonde_u64 ns;
	/* of an exit: bytes written by write(2) and the like, of all its
	 * threads; all bits set where the kernel doesn't count them
	 */
	sonde_u64 written;
	/* the parent's process */
	sonde_u32 tgid;
	sonde_u32 pad;
};

/* It was in user space: there are no frames. */
#define SONDE_AFTER_FORK_USER 0x1
/* It is a parent, in the kernel; else a child. */
#define SONDE_AFTER_FORK_PARENT 0x2

/* One tick of the clock: where a process was that has forked, or that a fork
 * has made and that has not called exec yet. tid is the process, aux is the
 * bytes of frames, flags are SONDE_AFTER_FORK_*.
 */
struct sonde_after_fork {
	struct sonde_header header;
	/* of a child: when the call that made it began */
	sonde_u64 begin;
	/* the parent's process */
	sonde_u32 tgid;
	sonde_u32 pad;
	/* innermost first */
	sonde_u64 frames[SONDE_SAMPLE_FRAMES];
};

/* They are a parent's; else a child's. */
#define SONDE_WRITE_FAULTS_PARENT 0x1

/* Write faults on pages that are there but not to be written: of a process that
 * a fork has made, before its exec, or of one that has forked. All so far: as
 * it calls exec or ends, and as the reader finds them. tid is the process,
 * flags are SONDE_WRITE_FAULTS_*.
 */
struct sonde_write_faults {
	struct sonde_header header;
	/* of a child: when the call that made it began; of a parent: when its
	 * first child since its last exec was complete
	 */
	sonde_u64 begin;
	sonde_u64 faults;
	/* of these, the ones that copied a page of 4 KiB */
	sonde_u64 copied;
	/* of a child at its end: pages that its parent has copied meanwhile */
	sonde_u64 parent_copied;
	/* of a child: the parent's process */
	sonde_u32 tgid;
	sonde_u32 pad;
};

/* One in so many of the pages that such faults copy has a record. */
#define SONDE_PAGE_COPY_PERIOD 64

/* A write fault after a fork has copied a page. tid is the thread, flags are
 * SONDE_WRITE_FAULTS_*.
 */
struct sonde_page_copy {
	struct sonde_header header;
	/* of a child: when the call that made it began */
	sonde_u64 begin;
	/* the time of the stack's record; where none was taken, of no record */
	sonde_u64 stack;
	sonde_u64 address;
	/* the process, and the parent's: of a parent the same */
	sonde_u32 process;
	sonde_u32 tgid;
};

/* What is known of a process that a clone has made, or that has made one. */
struct sonde_process {
	struct sonde_slot slot;
	/* an end may go unseen, and then another process has the id */
	sonde_u64 start_time;
	/* of the clone that made it; 0 where none was seen */
	sonde_u64 begin;
	sonde_u64 complete;
	/* when it first forked since its last exec */
	sonde_u64 forked_at;
	/* write faults since then, or of a child since it was made */
	sonde_u64 faults;
	sonde_u64 copied;
	/* by its parent, as it was made */
	sonde_u64 parent_copied;
	/* the parent's process */
	sonde_u32 tgid;
	sonde_u8 has_execed;
	/* since its last exec */
	sonde_u8 has_forked;
	/* until its exec it is in its parent's memory (CLONE_VM) */
	sonde_u8 shares_memory;
	/* made before the last probe was attached */
	sonde_u8 is_early;
};

struct sonde_clone_config {
	/* whether only the processes in the map of wanted ones count */
	sonde_u32 only_wanted;
	/* whether their descendants are wanted too */
	sonde_u32 follows;
	/* mappings that take less, ns, have no record of their own */
	sonde_u32 mapping_threshold;
	/* whether new threads count */
	sonde_u32 threads;
	/* whether samples are taken after a fork */
	sonde_u32 samples_after_fork;
	/* whether stacks are copied, for the reader to unwind */
	sonde_u32 copies_stacks;
	/* whether write faults after a fork are counted */
	sonde_u32 counts_faults;
	sonde_u32 pad;
};

/* User space to kernel, while the programs run. */
struct sonde_clone_control {
	/* not 0: the last probe is attached */
	sonde_u32 attached;
	/* not 0: calls that begin from here on don't count */
	sonde_u32 stopped;
};

/* Kernel to user space, since the programs were attached. */
struct sonde_clone_status {
	/* a map had no room: for a call in progress, or a process to follow */
	sonde_u64 map_full;
	/* calls whose end was missed: a kretprobe has room for few calls at a
	 * time (maxactive)
	 */
	sonde_u64 missed_ends;
	/* calls that had begun when the last probe was attached, as far as
	 * their child was completed before that
	 */
	sonde_u64 straddled;
};

_Static_assert(sizeof(struct sonde_mappings) == 24, "sonde_mappings");
SONDE_ASSERT_RECORD(sonde_clone, 384);
_Static_assert(__builtin_offsetof(struct sonde_clone, kinds) ==
		       SONDE_CLONE_WITHOUT_PARTS,
	       "sonde_clone");
SONDE_ASSERT_RECORD(sonde_mapping, 48);
SONDE_ASSERT_RECORD(sonde_sample, 216);
SONDE_ASSERT_RECORD(sonde_stack, 272);
SONDE_ASSERT_RECORD(sonde_stack_copy, 208 + SONDE_STACK_BYTES);
SONDE_ASSERT_RECORD(sonde_child, 48);
SONDE_ASSERT_RECORD(sonde_after_fork, 224);
SONDE_ASSERT_RECORD(sonde_write_faults, 56);
SONDE_ASSERT_RECORD(sonde_page_copy, 48);
_Static_assert(sizeof(struct sonde_process) == 80, "sonde_process");
_Static_assert(sizeof(struct sonde_clone_config) == 32, "sonde_clone_config");
_Static_assert(sizeof(struct sonde_clone_control) == 8, "sonde_clone_control");
_Static_assert(sizeof(struct sonde_clone_status) == 24, "sonde_clone_status");

#endif
