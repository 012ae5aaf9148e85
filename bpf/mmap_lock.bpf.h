/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * Who queues for a process's mmap_lock.
 */
#ifndef SONDE_MMAP_LOCK_BPF_H
#define SONDE_MMAP_LOCK_BPF_H

#include "locks.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)),           \
			     apply_to = record)

/* Instead of `wait_list`, in later kernels: those that wait are a ring. */
struct rw_semaphore___ring {
	struct rwsem_waiter *first_waiter;
};

/* kernel/locking/rwsem.c */
enum rwsem_waiter_type {
	RWSEM_WAITING_FOR_WRITE,
	RWSEM_WAITING_FOR_READ,
};

struct rwsem_waiter {
	struct list_head list;
	struct task_struct *task;
	enum rwsem_waiter_type type;
};

#pragma clang attribute pop

/* Of those that queue for one mmap_lock, how many are looked at: they all wait
 * for the same.
 */
#define MMAP_WAITERS 64

/* Those that queue for the mmap_lock of a process, also if they wait killably
 * and began to before anything was attached: no task_struct notes that. The
 * list is walked without its lock. An entry is on the stack of who waits, and
 * may be gone; whoever is in D and not in the list any more is unlikely to be
 * found where the links still fit. A reader's own name in `owner` is reported
 * as that of any other holder.
 */
static __always_inline void find_mmap_waiters(struct task_struct *leader,
					      struct seq_file *seq)
{
	struct mm_struct___since_5_8 *mm = (void *)BPF_CORE_READ(leader, mm);
	struct list_head *entry, *previous, *end;
	struct sonde_held_up record = {};
	struct rw_semaphore___ring *ring;
	struct rw_semaphore *lock;

	if (!mm || !bpf_core_field_exists(mm->mmap_lock) ||
	    !bpf_core_type_exists(struct rwsem_waiter))
		return;
	lock = __builtin_preserve_access_index(&mm->mmap_lock);
	ring = (void *)lock;
	if (bpf_core_field_exists(lock->wait_list)) {
		end = __builtin_preserve_access_index(&lock->wait_list);
		entry = BPF_CORE_READ(end, next);
		if (entry == end)
			return;
	} else if (bpf_core_field_exists(ring->first_waiter)) {
		entry = (void *)BPF_CORE_READ(ring, first_waiter);
		end = entry;
	} else {
		return;
	}
	if (!IS_KERNEL_ADDRESS(entry))
		return;
	find_owner((u64)lock, SONDE_LOCK_RWSEM_READ, NULL, &record);
	record.mmap_of = BPF_CORE_READ(leader, tgid);
	previous = BPF_CORE_READ(entry, prev);
	/* Few branches: the verifier follows each of them in each turn. */
	for (int i = 0; i < MMAP_WAITERS; i++) {
		/* `list` is its first member, since 2010. */
		struct rwsem_waiter *waiter = (void *)entry;
		struct task_struct *task = BPF_CORE_READ(waiter, task);

		if (!IS_KERNEL_ADDRESS(task) ||
		    BPF_CORE_READ(entry, prev) != previous)
			return;
		record.tid = BPF_CORE_READ(task, pid);
		record.lock_kind =
			SONDE_LOCK_RWSEM_WRITE -
			(BPF_CORE_READ(waiter, type) & RWSEM_WAITING_FOR_READ);
		bpf_seq_write(seq, &record, sizeof(record));
		previous = entry;
		entry = BPF_CORE_READ(entry, next);
		if (!IS_KERNEL_ADDRESS(entry) || entry == end)
			return;
	}
}

_Static_assert(RWSEM_WAITING_FOR_READ == 1 &&
		       SONDE_LOCK_RWSEM_READ == SONDE_LOCK_RWSEM_WRITE - 1,
	       "the one is computed from the other");

#endif
