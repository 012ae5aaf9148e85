// SPDX-License-Identifier: (MIT OR GPL-2.0)
/*
 * cloneprof's kernel side: one record per clone at its end, one per mapping
 * that takes long, samples of where a clone is, and what becomes of the child.
 *
 * The user side loads of this what the kernel at hand can attach: the call as
 * a whole by kernel_clone() or by its system calls, the parts by probes or by
 * samples.
 */
#include "clone.bpf.h"
#include "child.bpf.h"
#include "after_fork.bpf.h"
#include "copy.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* The call as a whole. */

static __always_inline int kernel_clone_begins(void *ctx,
					       struct kernel_clone_args *args)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 flags = BPF_CORE_READ(args, flags);

	/* Kernel threads clone kernel threads. */
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	return begin(ctx, call_by_number(task, flags), flags);
}

SEC("fentry/kernel_clone")
int BPF_PROG(kernel_clone_entry, struct kernel_clone_args *args)
{
	return kernel_clone_begins(ctx, args);
}

SEC("fexit/kernel_clone")
int BPF_PROG(kernel_clone_exit, struct kernel_clone_args *args, int result)
{
	return end(result);
}

SEC("kprobe/kernel_clone")
int BPF_KPROBE(kernel_clone_probe, struct kernel_clone_args *args)
{
	return kernel_clone_begins(ctx, args);
}

SEC("kretprobe/kernel_clone")
int BPF_KRETPROBE(kernel_clone_return, int result)
{
	return end(result);
}

SEC("kprobe.multi/kernel_clone")
int BPF_KPROBE(kernel_clone_begin, struct kernel_clone_args *args)
{
	return kernel_clone_begins(ctx, args);
}

SEC("kretprobe.multi/kernel_clone")
int BPF_KRETPROBE(kernel_clone_end, int result)
{
	return end(result);
}

/* The same by system calls. A child returns from its parent's, with 0. */

SEC("tracepoint/syscalls/sys_enter_fork")
int fork_begins(struct trace_event_raw_sys_enter *ctx)
{
	return begin(ctx, SONDE_CALL_FORK, 0);
}

SEC("tracepoint/syscalls/sys_enter_vfork")
int vfork_begins(struct trace_event_raw_sys_enter *ctx)
{
	return begin(ctx, SONDE_CALL_VFORK, CLONE_VFORK | CLONE_VM);
}

SEC("tracepoint/syscalls/sys_enter_clone")
int clone_begins(struct trace_event_raw_sys_enter *ctx)
{
	/* The low byte is the signal at the child's end: kernel/fork.c,
	 * SYSCALL_DEFINE5(clone).
	 */
	return begin(ctx, SONDE_CALL_CLONE, (u32)ctx->args[0] & ~0xffU);
}

SEC("tracepoint/syscalls/sys_enter_clone3")
int clone3_begins(struct trace_event_raw_sys_enter *ctx)
{
	u64 flags = 0;

	/* The first member of struct clone_args. */
	bpf_probe_read_user(&flags, sizeof(flags), (void *)ctx->args[0]);
	return begin(ctx, SONDE_CALL_CLONE3, flags);
}

SEC("tracepoint/syscalls/sys_exit_fork")
int fork_ends(struct trace_event_raw_sys_exit *ctx)
{
	return ctx->ret ? end(ctx->ret) : 0;
}

SEC("tracepoint/syscalls/sys_exit_vfork")
int vfork_ends(struct trace_event_raw_sys_exit *ctx)
{
	return ctx->ret ? end(ctx->ret) : 0;
}

SEC("tracepoint/syscalls/sys_exit_clone")
int clone_ends(struct trace_event_raw_sys_exit *ctx)
{
	return ctx->ret ? end(ctx->ret) : 0;
}

SEC("tracepoint/syscalls/sys_exit_clone3")
int clone3_ends(struct trace_event_raw_sys_exit *ctx)
{
	return ctx->ret ? end(ctx->ret) : 0;
}

/* The child is complete, and does not run yet: kernel_clone(). */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(child_complete, struct task_struct *parent,
	     struct task_struct *child)
{
	struct sonde_clone_state *state = state_of(parent->pid);

	if (!state) {
		note_straddling(parent, child);
		return 0;
	}
	state->complete = bpf_ktime_get_ns();
	state->clone.child = child->pid;
	if (!(state->clone.flags & CLONE_VM))
		describe_memory(child->mm, &state->clone);
	if (child->tgid == parent->tgid)
		return 0;
	note_child(state, parent, child);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_execs, struct task_struct *task)
{
	note_exec(task);
	return 0;
}

/* Its id is free for any process before long. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_ends, struct task_struct *task)
{
	u32 tgid = task->tgid;

	if (task->signal->live.counter)
		return 0;
	if (note_exit(task) && clone_config.only_wanted)
		bpf_map_delete_elem(&wanted, &tgid);
	return 0;
}

/* wake_up_new_task(), in the parent: from here on it only waits. */
SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(child_runnable, struct task_struct *child)
{
	struct sonde_clone_state *state =
		state_of((u32)bpf_get_current_pid_tgid());

	if (!state || state->clone.child != child->pid)
		return 0;
	state->runnable = bpf_ktime_get_ns();
	/* Of the others it is taken at the end. */
	if (state->clone.flags & CLONE_VFORK)
		account_off_cpu(state);
	return 0;
}

/* Page faults after a fork, where they are to be counted. */

SEC("tp_btf/page_fault_user")
int BPF_PROG(user_fault, unsigned long address, void *regs, unsigned long error)
{
	return fault_begins(address, error, 0);
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(kernel_fault, unsigned long address, void *regs,
	     unsigned long error)
{
	return fault_begins(address, error, IN_KERNEL);
}

SEC("tp_btf/mm_page_alloc")
int BPF_PROG(page_allocated, void *page, unsigned int order, u32 flags)
{
	return fault_allocates(ctx, order, flags);
}

/* The copy of the address space. */

SEC("fentry/dup_mmap")
int BPF_PROG(dup_mmap_entry)
{
	return copy_begins();
}

SEC("fexit/dup_mmap")
int BPF_PROG(dup_mmap_exit)
{
	return copy_ends();
}

SEC("kprobe/dup_mmap")
int BPF_KPROBE(dup_mmap_probe)
{
	return copy_begins();
}

SEC("kretprobe/dup_mmap")
int BPF_KRETPROBE(dup_mmap_return)
{
	return copy_ends();
}

/* Called at its two ends, and never inlined: the bracket around it. */

SEC("fentry/uprobe_start_dup_mmap")
int BPF_PROG(bracket_begin_entry)
{
	return copy_begins();
}

SEC("fentry/uprobe_end_dup_mmap")
int BPF_PROG(bracket_end_entry)
{
	return copy_ends();
}

SEC("kprobe/uprobe_start_dup_mmap")
int BPF_KPROBE(bracket_begin_probe)
{
	return copy_begins();
}

SEC("kprobe/uprobe_end_dup_mmap")
int BPF_KPROBE(bracket_end_probe)
{
	return copy_ends();
}

/* The page tables of one mapping. */

SEC("fentry/copy_page_range")
int BPF_PROG(mapping_entry, void *child, void *parent)
{
	return mapping_begins(parent);
}

SEC("fexit/copy_page_range")
int BPF_PROG(mapping_exit)
{
	return mapping_ends();
}

SEC("kprobe/copy_page_range")
int BPF_KPROBE(mapping_probe, void *child, void *parent)
{
	return mapping_begins(parent);
}

SEC("kretprobe/copy_page_range")
int BPF_KRETPROBE(mapping_return)
{
	return mapping_ends();
}

/* The steps of both, where they are asked for: none of them within another. */

#define STEP(function, step)                                                   \
	SEC("fentry/" #function)                                               \
	int BPF_PROG(function##_entry)                                         \
	{                                                                      \
		return step_begins();                                          \
	}                                                                      \
	SEC("fexit/" #function)                                                \
	int BPF_PROG(function##_exit)                                          \
	{                                                                      \
		return step_ends(step);                                        \
	}                                                                      \
	SEC("kprobe/" #function)                                               \
	int BPF_KPROBE(function##_probe)                                       \
	{                                                                      \
		return step_begins();                                          \
	}                                                                      \
	SEC("kretprobe/" #function)                                            \
	int BPF_KRETPROBE(function##_return)                                   \
	{                                                                      \
		return step_ends(step);                                        \
	}

STEP(vm_area_dup, SONDE_STEP_MAPPING)
STEP(anon_vma_fork, SONDE_STEP_REVERSE_MAPPING)
STEP(copy_hugetlb_page_range, SONDE_STEP_HUGETLB)
STEP(copy_pte_range, SONDE_STEP_ENTRIES)

SEC("perf_event")
int after_fork(struct bpf_perf_event_data *ctx)
{
	return sample_after_fork(ctx);
}

/* The phases of a clone in progress, where they can't be measured. */
SEC("perf_event")
int sample(struct bpf_perf_event_data *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct sonde_clone_state *state = state_of(tid);
	struct sonde_cpu *counters;
	struct sonde_sample *record;
	long length;

	if (!state || !state->clone.begin || state->runnable)
		return 0;
	record = ring_reserve_here(&counters, sizeof(*record));
	if (!record)
		return 0;
	length = bpf_get_stack(ctx, record->frames, sizeof(record->frames), 0);
	set_header(&record->header, bpf_ktime_get_ns(), tid, SONDE_KIND_SAMPLE);
	record->header.aux = length > 0 ? length : 0;
	record->begin = state->clone.begin;
	ring_submit(record, counters);
	return 0;
}
