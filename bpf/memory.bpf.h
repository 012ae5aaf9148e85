/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * Address spaces and mappings: the few fields that are read, and how they
 * differ between kernels.
 */
#ifndef SONDE_MEMORY_BPF_H
#define SONDE_MEMORY_BPF_H

#include "kernel.bpf.h"
#include "include/sonde_clone.h"

/* include/linux/mm.h */
#define VM_SHARED 0x00000008
#define VM_HUGETLB 0x00400000

/* include/linux/mm_types_task.h */
enum {
	SONDE_MM_FILEPAGES,
	SONDE_MM_ANONPAGES,
	SONDE_MM_SWAPENTS,
	SONDE_MM_SHMEMPAGES
};

/* /sys/kernel/tracing/events/syscalls: the layout is ABI. */
struct trace_event_raw_sys_enter {
	u64 common;
	long id;
	unsigned long args[6];
};

struct trace_event_raw_sys_exit {
	u64 common;
	long id;
	long ret;
};

#pragma clang attribute push(__attribute__((preserve_access_index)),           \
			     apply_to = record)

struct kernel_clone_args {
	u64 flags;
};

typedef struct {
	long counter;
} atomic_long_t;

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	void *vm_file;
};

struct mm_struct {
	atomic_long_t pgtables_bytes;
	atomic_long_t hugetlb_usage;
	unsigned long start_brk;
	unsigned long brk;
	unsigned long start_stack;
};

struct mm_rss_stat {
	atomic_long_t count[4];
};

struct mm_struct___before_6_2 {
	struct mm_rss_stat rss_stat;
};

struct percpu_counter {
	long long count;
};

/* f1a7941243c1 ("mm: convert mm's rss stats into percpu_counter"), 6.2: the
 * counts lack what CPUs hold back, each less than 32 or twice the number of
 * CPUs (percpu_counter_batch).
 */
struct mm_struct___since_6_2 {
	struct percpu_counter rss_stat[4];
};

#pragma clang attribute pop

/* A macro, for the index to be a constant as the access is relocated: the
 * elements' size is not the same everywhere. Kernels up to 6.1 at least allow
 * no load of an atomic_long_t.
 */
#define PAGES(mm, what)                                                        \
	({                                                                     \
		struct mm_struct___since_6_2 *now = (void *)(mm);              \
		struct mm_struct___before_6_2 *old = (void *)(mm);             \
		long pages;                                                    \
                                                                               \
		if (bpf_core_field_exists(old->rss_stat.count))                \
			pages = BPF_CORE_READ(old,                             \
					      rss_stat.count[what].counter);   \
		else                                                           \
			pages = now->rss_stat[what].count;                     \
		pages > 0 ? pages : 0;                                         \
	})

/* Of a child's, whose type the kernel knows. */
static __always_inline void describe_memory(struct mm_struct *mm,
					    struct sonde_clone *clone)
{
	if (!mm)
		return;
	clone->page_table_bytes = BPF_CORE_READ(mm, pgtables_bytes.counter);
	if (bpf_core_field_exists(mm->hugetlb_usage))
		clone->hugetlb_pages = BPF_CORE_READ(mm, hugetlb_usage.counter);
	clone->anonymous_pages = PAGES(mm, SONDE_MM_ANONPAGES);
	clone->file_pages = PAGES(mm, SONDE_MM_FILEPAGES);
	clone->shared_pages = PAGES(mm, SONDE_MM_SHMEMPAGES);
	clone->swapped_pages = PAGES(mm, SONDE_MM_SWAPENTS);
}

static __always_inline u32 mapping_kind(struct vm_area_struct *vma, u64 start,
					u64 end, u64 flags)
{
	struct mm_struct *mm = BPF_CORE_READ(vma, vm_mm);

	if (flags & VM_HUGETLB)
		return SONDE_MAPPING_HUGETLB;
	if (flags & VM_SHARED)
		return SONDE_MAPPING_SHARED;
	if (BPF_CORE_READ(vma, vm_file))
		return SONDE_MAPPING_FILE_PRIVATE;
	/* As /proc/PID/maps has it: fs/proc/task_mmu.c. */
	if (start <= BPF_CORE_READ(mm, brk) &&
	    end >= BPF_CORE_READ(mm, start_brk))
		return SONDE_MAPPING_HEAP;
	if (start <= BPF_CORE_READ(mm, start_stack) &&
	    end >= BPF_CORE_READ(mm, start_stack))
		return SONDE_MAPPING_STACK;
	return SONDE_MAPPING_ANONYMOUS;
}

#endif
