/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * A copy of a task's user stack, for the reader to unwind: of programs without
 * frame pointers only their files say where the callers are.
 */
#ifndef SONDE_STACK_COPY_BPF_H
#define SONDE_STACK_COPY_BPF_H

#include "ring.bpf.h"
#include "include/sonde_clone.h"

#ifdef __TARGET_ARCH_x86

/* 5.15: helpers that are there show in the kernel's enum of them. */
enum bpf_func_id___since_5_15 {
	BPF_FUNC_task_pt_regs___since_5_15 = 175,
};

/* With which the task has entered the kernel. */
static __always_inline struct pt_regs *user_registers(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___since_5_15,
				       BPF_FUNC_task_pt_regs___since_5_15))
		return (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	/* task_pt_regs() of 64-bit kernels before FRED. */
	return (void *)BPF_CORE_READ(task, stack) + 16384 -
	       sizeof(struct pt_regs);
}

/* arch/x86/include/asm/segment.h; those of 32-bit programs have another. */
#define USER_CS 0x33
#define REGISTER_SP 19
#define PAGE 4096

/* Page by page: a read beyond the mapping fails as a whole. Returns where the
 * copy ends.
 */
static __always_inline u32 copy_stack(u8 *bytes, u64 sp)
{
	u64 first = sp & (PAGE - 1);
	u32 end = PAGE;

	if (bpf_probe_read_user(bytes + first, PAGE - first, (void *)sp))
		return 0;
#pragma unroll
	for (int i = 1; i < SONDE_STACK_BYTES / PAGE; i++) {
		if (bpf_probe_read_user(bytes + i * PAGE, PAGE,
					(void *)(sp - first + i * PAGE)))
			break;
		end = (i + 1) * PAGE;
	}
	return end;
}

/* Returns the time after the copy, which is when the clone begins; 0 where the
 * task is no 64-bit program. Left out where more than a quarter of the ring is
 * in use: other records matter more.
 */
static __always_inline u64 emit_stack_copy(u32 tid, u32 tgid, u64 begin)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pt_regs *at = user_registers(task);
	u32 cpu = bpf_get_smp_processor_id();
	struct sonde_cpu *counters = bpf_map_lookup_elem(&cpus, &cpu);
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	struct sonde_stack_copy *record;
	u64 cs;

	/* With FRED the upper bits say something else. */
	if (bpf_probe_read_kernel(&cs, sizeof(cs), &at->cs) ||
	    (cs & 0xffff) != USER_CS)
		return 0;
	if (!counters || !ring ||
	    bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >
		    bpf_ringbuf_query(ring, BPF_RB_RING_SIZE) / 4)
		return begin;
	record = ring_reserve(ring, counters, sizeof(*record), false);
	if (!record)
		return begin;
	bpf_probe_read_kernel(record->registers, sizeof(record->registers), at);
	record->start_time = BPF_CORE_READ(task, group_leader, start_time);
	record->exec_id = BPF_CORE_READ(task, self_exec_id);
	record->tgid = tgid;
	record->end = copy_stack(record->bytes, record->registers[REGISTER_SP]);
	begin = bpf_ktime_get_ns();
	set_header(&record->header, begin, tid, SONDE_KIND_STACK_COPY);
	/* A wakeup is due after so many records of a clone. */
	counters->since_wakeup += sizeof(*record) / sizeof(struct sonde_clone);
	ring_submit(record, counters);
	return begin;
}

#else

static __always_inline u64 emit_stack_copy(u32 tid, u32 tgid, u64 begin)
{
	return 0;
}

#endif
#endif
