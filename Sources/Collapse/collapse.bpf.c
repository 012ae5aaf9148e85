// SPDX-License-Identifier: (MIT OR GPL-2.0)
/*
 * How long one thread holds the mmap_lock of another process for writing:
 * collapse_huge_page() does for each huge page, and whoever faults there waits.
 */
#include "kernel.bpf.h"
#include "include/sonde_collapse.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile struct sonde_collapse_config
	collapse_config SEC(".rodata.collapse");
struct sonde_lock_holds lock_holds SEC(".data.holds");

/* Raw tracepoints: their arguments differ between kernels, and can be read
 * whatever their types.
 */
static __always_inline bool
is_write_of_other(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task;
	u64 write;

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
	if (!(u8)write ||
	    (u32)bpf_get_current_pid_tgid() != collapse_config.tid)
		return false;
	task = (void *)bpf_get_current_task();
	return (u64)BPF_CORE_READ(task, mm) != ctx->args[0];
}

/* include/trace/events/mmap_lock.h, 5.11; the last argument is whether it
 * was acquired.
 */
SEC("raw_tp/mmap_lock_acquire_returned")
int lock_acquired(struct bpf_raw_tracepoint_args *ctx)
{
	if (is_write_of_other(ctx))
		lock_holds.begin = bpf_ktime_get_ns();
	return 0;
}

SEC("raw_tp/mmap_lock_released")
int lock_released(struct bpf_raw_tracepoint_args *ctx)
{
	u64 hold;

	if (!lock_holds.begin || !is_write_of_other(ctx))
		return 0;
	hold = bpf_ktime_get_ns() - lock_holds.begin;
	lock_holds.begin = 0;
	lock_holds.count++;
	lock_holds.total += hold;
	if (hold > lock_holds.longest)
		lock_holds.longest = hold;
	return 0;
}
