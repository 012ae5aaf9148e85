/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * Write faults after a fork, and which of them copy a page.
 */
#ifndef SONDE_WRITE_FAULTS_BPF_H
#define SONDE_WRITE_FAULTS_BPF_H

#include "clone.bpf.h"

/* arch/x86/include/asm/trap_pf.h */
#define X86_PF_PROT 0x1
#define X86_PF_WRITE 0x2

/* include/linux/gfp_types.h: these have kept their values since 5.10. */
#define GFP_HIGHMEM 0x02U
#define GFP_MOVABLE 0x08U
#define GFP_IO 0x40U
#define GFP_FS 0x80U
#define GFP_ZERO 0x100U
#define GFP_WRITE 0x1000U
#define GFP_NORETRY 0x10000U

#define FAULT_SLOTS 1024
/* Besides the id of a thread, which has 22 bits: it faulted in the kernel. */
#define IN_KERNEL 0x80000000U

struct fault {
	/* the thread, with IN_KERNEL; 0 for none */
	u32 tid;
	u32 pad;
	u64 address;
};

/* The thread, by the low bits of its id, whose last fault was a counted write
 * fault and which hasn't allocated a page since.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FAULT_SLOTS);
	__type(key, u32);
	__type(value, struct fault);
} faulting SEC(".maps");

/* How many more pages this CPU copies until one is recorded. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} page_copies SEC(".maps");

static __always_inline bool is_forked_child(const struct sonde_process *process)
{
	return process->begin && !process->has_execed &&
	       !process->shares_memory;
}

/* The current process, if its faults are to be counted; else NULL. */
static __always_inline struct sonde_process *forked_process(u32 tgid)
{
	struct task_struct *task = current_task();
	struct sonde_process *process =
		process_of(tgid, CURRENT_READ(task, group_leader, start_time));

	if (!process || (!process->has_forked && !is_forked_child(process)))
		return NULL;
	return process;
}

static __always_inline int fault_begins(u64 address, u64 error, u32 mode)
{
	u64 ids = bpf_get_current_pid_tgid();
	u32 tid = (u32)ids, index = tid % FAULT_SLOTS;
	struct fault *slot = bpf_map_lookup_elem(&faulting, &index);
	const u64 write = X86_PF_PROT | X86_PF_WRITE;
	struct sonde_process *process;

	/* The upper half is the kernel's own. */
	if (!slot || (long long)address < 0)
		return 0;
	if ((error & write) == write) {
		process = forked_process(ids >> 32);
		if (process) {
			add(&process->faults, 1);
			slot->tid = 0;
			slot->address = address;
			slot->tid = tid | mode;
			return 0;
		}
	}
	if ((slot->tid & ~IN_KERNEL) == tid)
		slot->tid = 0;
	return 0;
}

/* Whether the task has entered the kernel by an exception: by a system call it
 * has a number of one.
 */
static __always_inline bool in_exception(void)
{
#ifdef __TARGET_ARCH_x86
	struct pt_regs *regs = user_registers(current_task());
	long number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &regs->orig_rax);
	return number < 0;
#else
	return false;
#endif
}

static __always_inline void
emit_page_copy(void *ctx, const struct sonde_process *process, u64 address)
{
	u64 ids = bpf_get_current_pid_tgid();
	u32 zero = 0, tid = (u32)ids, tgid = ids >> 32;
	u32 *left = bpf_map_lookup_elem(&page_copies, &zero);
	struct sonde_page_copy *record;
	struct sonde_cpu *counters;
	bool is_child;
	u64 stack;

	if (!left)
		return;
	if (*left > 1) {
		--*left;
		return;
	}
	/* In the mean so many: a program may write by a period of its own. */
	*left = 1 + bpf_get_prandom_u32() % (2 * SONDE_PAGE_COPY_PERIOD - 1);
	/* The reader keeps one stack per thread: that of the clone in
	 * progress.
	 */
	if (state_of(tid))
		return;
	stack = emit_user_stack(ctx, tid, tgid, OF_PAGE_COPY);
	record = ring_reserve_here(&counters, sizeof(*record));
	if (!record)
		return;
	is_child = is_forked_child(process);
	set_header(&record->header, bpf_ktime_get_ns(), tid,
		   SONDE_KIND_PAGE_COPY);
	record->header.flags = is_child ? 0 : SONDE_WRITE_FAULTS_PARENT;
	record->begin = process->begin;
	record->stack = stack;
	record->address = address;
	record->process = tgid;
	record->tgid = is_child ? process->tgid : tgid;
	ring_submit(record, counters);
}

/* wp_page_copy() is the first to allocate such a page after such a fault. Where
 * the page is reused nobody does: the page cache allocates with __GFP_WRITE or
 * __GFP_NORETRY, a page instead of the zero page comes with __GFP_ZERO, and
 * what a system call allocates later is told by its number, unless the fault
 * was in one. Of a transparent huge page a small one is copied, since it is
 * split first (do_huge_pmd_wp_page()); a copy of a hugetlb page comes from the
 * pool, and isn't seen.
 */
static __always_inline int fault_allocates(void *ctx, u32 order, u32 flags)
{
	const u32 all = GFP_HIGHMEM | GFP_MOVABLE | GFP_IO | GFP_FS;
	const u32 none = GFP_ZERO | GFP_WRITE | GFP_NORETRY;
	u64 ids = bpf_get_current_pid_tgid();
	u32 tid = (u32)ids, index = tid % FAULT_SLOTS;
	struct fault *slot = bpf_map_lookup_elem(&faulting, &index);
	struct sonde_process *process;
	u64 address;
	bool in_kernel;

	if (!slot || (slot->tid & ~IN_KERNEL) != tid || !tid || order ||
	    (flags & (all | none)) != all)
		return 0;
	in_kernel = slot->tid & IN_KERNEL;
	address = slot->address;
	slot->tid = 0;
	if (!in_kernel && !in_exception())
		return 0;
	process = forked_process(ids >> 32);
	if (!process)
		return 0;
	add(&process->copied, 1);
	emit_page_copy(ctx, process, address);
	return 0;
}

/* Pages that the parent has copied since this child was made. */
static __always_inline u64 copied_by_parent(const struct sonde_process *child,
					    struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
	struct sonde_process *process;

	/* Or it is an orphan. */
	if (parent->tgid != child->tgid)
		return 0;
	process = process_of(parent->tgid, parent->group_leader->start_time);
	/* The parent may have called exec since. */
	if (!process || !process->has_forked ||
	    process->forked_at > child->complete)
		return 0;
	return process->copied - child->parent_copied;
}

/* As it ends, or calls exec. */
static __always_inline void emit_write_faults(struct sonde_process *process,
					      struct task_struct *task)
{
	bool is_child = is_forked_child(process);
	struct sonde_write_faults *record;
	struct sonde_cpu *counters;
	u64 parent_copied;

	if (!clone_config.counts_faults || (!is_child && !process->has_forked))
		return;
	parent_copied = is_child ? copied_by_parent(process, task) : 0;
	if (!process->faults && !parent_copied)
		return;
	record = ring_reserve_here(&counters, sizeof(*record));
	if (!record)
		return;
	set_header(&record->header, bpf_ktime_get_ns(), task->tgid,
		   SONDE_KIND_WRITE_FAULTS);
	record->header.flags = is_child ? 0 : SONDE_WRITE_FAULTS_PARENT;
	record->begin = is_child ? process->begin : process->forked_at;
	record->faults = process->faults;
	record->copied = process->copied;
	record->parent_copied = parent_copied;
	record->tgid = process->tgid;
	record->pad = 0;
	ring_submit(record, counters);
}

#endif
