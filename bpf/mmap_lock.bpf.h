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
 * found where the links still fit.
 */
static __always_inline void find_mmap_waiters(struct task_struct *leader,
					      struct seq_file *seq)
{
	struct mm_struct___since_5_8 *mm = (void *)BPF_CORE_READ(leader, mm);
	struct list_head *first, *entry, *previous = NULL;
	struct rw_semaphore___ring *ring;
	struct list_head *head = NULL;
	struct rw_semaphore *lock;

	if (!mm || !bpf_core_field_exists(mm->mmap_lock) ||
	    !bpf_core_type_exists(struct rwsem_waiter))
		return;
	lock = __builtin_preserve_access_index(&mm->mmap_lock);
	ring = (void *)lock;
	if (bpf_core_field_exists(lock->wait_list)) {
		head = __builtin_preserve_access_index(&lock->wait_list);
		first = BPF_CORE_READ(head, next);
	} else if (bpf_core_field_exists(ring->first_waiter)) {
		first = (void *)BPF_CORE_READ(ring, first_waiter);
	} else {
		return;
	}
	entry = first;
	for (int i = 0; i < MMAP_WAITERS; i++) {
		struct sonde_held_up record = {};
		struct rwsem_waiter *waiter;
		struct task_struct *task;
		u32 kind;

		if (!IS_KERNEL_ADDRESS(entry) || entry == head ||
		    (previous && entry == first))
			return;
		/* `list` is its first member, since 2010. */
		waiter = (void *)entry;
		task = BPF_CORE_READ(waiter, task);
		kind = BPF_CORE_READ(waiter, type) == RWSEM_WAITING_FOR_READ
			       ? SONDE_LOCK_RWSEM_READ
			       : SONDE_LOCK_RWSEM_WRITE;
		if (!IS_KERNEL_ADDRESS(task) ||
		    (previous && BPF_CORE_READ(entry, prev) != previous))
			return;
		record.tid = BPF_CORE_READ(task, pid);
		record.mmap_of = BPF_CORE_READ(leader, tgid);
		find_owner((u64)lock, kind, task, &record);
		bpf_seq_write(seq, &record, sizeof(record));
		previous = entry;
		entry = BPF_CORE_READ(entry, next);
	}
}

#endif
