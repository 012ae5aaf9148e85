// SPDX-License-Identifier: (MIT OR GPL-2.0)
/*
 * How long one thread holds the mmap_lock of another process: for writing in
 * collapse_huge_page(), for each huge page, and for reading around it.
 */
#include "kernel.bpf.h"
#include "include/sonde_collapse.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile struct sonde_collapse_config
	collapse_config SEC(".rodata.collapse");
struct sonde_lock_holds lock_holds SEC(".data.holds");

/* Whether the lock of another process is held for writing (1) or reading (0);
 * -1 where it isn't this thread's business. Raw tracepoints: their arguments
 * differ between kernels, and can be read whatever their types.
 */
static __always_inline int kind_of(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task;
	u64 write;

	if ((u32)bpf_get_current_pid_tgid() != collapse_config.tid)
		return -1;
	/* The branch that isn't taken is never verified: arguments beyond
	 * those of the tracepoint may not be read, nor may clang choose an
	 * address first.
	 */
	if (collapse_config.has_path) {
		write = ctx->args[2];
		barrier_var(write);
	} else {
		write = ctx->args[1];
		barrier_var(write);
	}
	task = (void *)bpf_get_current_task();
	if ((u64)BPF_CORE_READ(task, mm) == ctx->args[0])
		return -1;
	return (u8)write ? 1 : 0;
}

/* include/trace/events/mmap_lock.h, 5.11. */
SEC("raw_tp/mmap_lock_acquire_returned")
int lock_acquired(struct bpf_raw_tracepoint_args *ctx)
{
	int kind = kind_of(ctx);

	if (kind >= 0)
		lock_holds.begin[kind & 1] = bpf_ktime_get_ns();
	return 0;
}

SEC("raw_tp/mmap_lock_released")
int lock_released(struct bpf_raw_tracepoint_args *ctx)
{
	int kind = kind_of(ctx);
	u64 hold;

	if (kind < 0 || !lock_holds.begin[kind & 1])
		return 0;
	hold = bpf_ktime_get_ns() - lock_holds.begin[kind & 1];
	lock_holds.begin[kind & 1] = 0;
	lock_holds.count[kind & 1]++;
	if (hold > lock_holds.longest[kind & 1])
		lock_holds.longest[kind & 1] = hold;
	return 0;
}
