// SPDX-License-Identifier: (MIT OR GPL-2.0)
/*
 * How long one thread holds the mmap_lock of another process: for writing in
 * collapse_huge_page(), for each huge page, and for reading around it. And how
 * long the process waits: a thread that retakes the lock at once may get it
 * ahead of waiters for up to 4 ms (RWSEM_WAIT_TIMEOUT).
 */
#include "kernel.bpf.h"
#include "include/sonde_collapse.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile struct sonde_collapse_config
	collapse_config SEC(".rodata.collapse");
struct sonde_lock_holds lock_holds SEC(".data.holds");

/* When the last holds began. */
#define HOLDS 64
u64 begins[HOLDS] SEC(".data.begins");

/* Since when a thread waits for that lock, and how many holds had ended or
 * begun by then.
 */
struct wait {
	u64 begin;
	u64 ended;
	u64 begun;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct wait);
} waits SEC(".maps");

/* Raw tracepoints: their arguments differ between kernels, and can be read
 * whatever their types. The branch that isn't taken is never verified:
 * arguments beyond those of the tracepoint may not be read, nor may clang
 * choose an address first.
 */
static __always_inline u64 argument(struct bpf_raw_tracepoint_args *ctx,
				    int behind_path)
{
	u64 value;

	if (collapse_config.has_path) {
		value = ctx->args[behind_path + 1];
		barrier_var(value);
	} else {
		value = ctx->args[behind_path];
		barrier_var(value);
	}
	return value;
}

static __always_inline bool is_own_thread(void)
{
	return (u32)bpf_get_current_pid_tgid() == collapse_config.tid;
}

/* Whether the lock of another process is held for writing (1) or reading (0);
 * -1 where it is this process' own.
 */
static __always_inline int kind_of(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if ((u64)BPF_CORE_READ(task, mm) == ctx->args[0])
		return -1;
	return (u8)argument(ctx, 1) ? 1 : 0;
}

/* From the first hold on: before, someone else is in the way. A task that waits
 * runs after it has the lock: what it waited for a CPU is in its wait.
 */
static __always_inline void wait_ended(struct bpf_raw_tracepoint_args *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	int kind = (u8)argument(ctx, 1) ? 1 : 0;
	struct wait *wait;
	u64 from, ns;

	if (ctx->args[0] != lock_holds.mm)
		return;
	wait = bpf_map_lookup_elem(&waits, &tid);
	if (!wait)
		return;
	from = wait->begin;
	if (wait->begun == wait->ended) {
		if (lock_holds.begun == wait->begun)
			goto forget;
		if (lock_holds.begun - wait->begun < HOLDS)
			from = begins[wait->begun & (HOLDS - 1)];
	}
	ns = bpf_ktime_get_ns() - from;
	if ((long long)ns > 0 && ns > lock_holds.longest_wait[kind & 1])
		lock_holds.longest_wait[kind & 1] = ns;
forget:
	bpf_map_delete_elem(&waits, &tid);
}

/* include/trace/events/mmap_lock.h, 5.11. */
SEC("raw_tp/mmap_lock_start_locking")
int lock_wanted(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct wait wait = {};

	/* Not whoever only looks at the process. */
	if (!lock_holds.mm || ctx->args[0] != lock_holds.mm ||
	    (u64)BPF_CORE_READ(task, mm) != lock_holds.mm)
		return 0;
	wait.begin = bpf_ktime_get_ns();
	wait.ended = lock_holds.count[0] + lock_holds.count[1];
	wait.begun = lock_holds.begun;
	bpf_map_update_elem(&waits, &tid, &wait, BPF_ANY);
	return 0;
}

SEC("raw_tp/mmap_lock_acquire_returned")
int lock_acquired(struct bpf_raw_tracepoint_args *ctx)
{
	int kind;
	u64 now;

	if (!is_own_thread()) {
		wait_ended(ctx);
		return 0;
	}
	kind = kind_of(ctx);
	/* It may have been an attempt. */
	if (kind < 0 || !(u8)argument(ctx, 2))
		return 0;
	lock_holds.mm = ctx->args[0];
	now = bpf_ktime_get_ns();
	lock_holds.begin[kind & 1] = now;
	begins[lock_holds.begun & (HOLDS - 1)] = now;
	lock_holds.begun++;
	return 0;
}

SEC("raw_tp/mmap_lock_released")
int lock_released(struct bpf_raw_tracepoint_args *ctx)
{
	int kind;
	u64 hold;

	if (!is_own_thread())
		return 0;
	kind = kind_of(ctx);
	if (kind < 0 || !lock_holds.begin[kind & 1])
		return 0;
	hold = bpf_ktime_get_ns() - lock_holds.begin[kind & 1];
	lock_holds.begin[kind & 1] = 0;
	lock_holds.count[kind & 1]++;
	if (hold > lock_holds.longest[kind & 1])
		lock_holds.longest[kind & 1] = hold;
	return 0;
}
