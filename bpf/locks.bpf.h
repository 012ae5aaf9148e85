/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * Which lock a task in uninterruptible sleep waits for, and who holds it; as
 * debug_show_blocker() in kernel/hung_task.c finds it.
 */
#ifndef SONDE_LOCKS_BPF_H
#define SONDE_LOCKS_BPF_H

#include "kernel.bpf.h"
#include "include/sonde_sched.h"

/* In `owner` of a mutex and of an rwsem the low bits are flags:
 * kernel/locking/mutex.h, kernel/locking/rwsem.c.
 */
#define OWNER_FLAGS 7UL
#define MUTEX_FLAG_PICKUP 4UL
#define RWSEM_READER_OWNED 1UL

/* In `blocker` they tell what kind of lock it is: include/linux/hung_task.h. */
#define BLOCKER_TYPE_MASK 3UL
enum blocker_type {
	BLOCKER_TYPE_MUTEX,
	BLOCKER_TYPE_SEM,
	BLOCKER_TYPE_RWSEM_READER,
	BLOCKER_TYPE_RWSEM_WRITER,
};

#pragma clang attribute push(__attribute__((preserve_access_index)),           \
			     apply_to = record)

struct mutex {
	struct {
		long counter;
	} owner;
};

struct list_head {
	struct list_head *next, *prev;
};

struct rw_semaphore {
	struct {
		long counter;
	} owner;
	struct list_head wait_list;
};

/* Only with CONFIG_DETECT_HUNG_TASK_BLOCKER, like the two below. */
struct semaphore___since_6_16 {
	unsigned long last_holder;
};

/* 3cf67d61ff98 ("hung_task: show the blocker task if the task is hung on
 * mutex"), 6.15
 */
struct task_struct___6_15 {
	struct mutex *blocker_mutex;
};

/* e711faaafbe5 ("hung_task: replace blocker_mutex with encoded blocker"), 6.16;
 * rwsems since 6.17
 */
struct task_struct___since_6_16 {
	unsigned long blocker;
};

struct completion;

struct task_struct___vfork {
	struct task_struct *real_parent;
	struct completion *vfork_done;
};

/* da1c55f1b272 ("mmap locking API: rename mmap_sem to mmap_lock"), 5.8 */
struct mm_struct___since_5_8 {
	struct rw_semaphore mmap_lock;
};

#pragma clang attribute pop

/* Whether task_struct has either field. */
static __always_inline bool has_blockers(void)
{
	struct task_struct___since_6_16 *now = NULL;
	struct task_struct___6_15 *old = NULL;

	return bpf_core_field_exists(now->blocker) ||
	       bpf_core_field_exists(old->blocker_mutex);
}

/* What each task that sleeps for a lock waits for, by the low bits of its TID.
 * 16b059b4c7b2 ("locking: Add lock contention tracepoints"), 5.19. Also where
 * task_struct has it: there rwsem_down_read_slowpath() and its like note it
 * only of tasks that no signal can wake, which leaves out most waits for
 * mmap_lock.
 */
#define LOCK_WAITS 16384

struct lock_wait {
	/* encoded */
	u64 blocker;
	u64 tid;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LOCK_WAITS);
	__type(key, u32);
	__type(value, struct lock_wait);
} lock_waits SEC(".maps");

/* TIDs that collide share a slot: one may write its TID there and the other its
 * lock. XOR with a hash of the TID, so that this does not decode to a lock.
 */
static __always_inline u64 encode_blocker(u64 blocker, u32 tid)
{
	return blocker ^ (tid * 0x9e3779b97f4a7c15ULL);
}

static __always_inline struct lock_wait *lock_wait_of(u32 tid)
{
	u32 slot = tid % LOCK_WAITS;

	return bpf_map_lookup_elem(&lock_waits, &slot);
}

/* include/trace/events/lock.h */
#define LCB_F_SPIN 1
#define LCB_F_READ 2
#define LCB_F_WRITE 4
#define LCB_F_RT 8
#define LCB_F_PERCPU 16
/* dc1f7893a70f ("locking/mutex: Make contention tracepoints more consistent wrt
 * adaptive spinning"), 5.19 like the tracepoints
 */
#define LCB_F_MUTEX 32

SEC("raw_tp/contention_begin")
int contention_begin(struct bpf_raw_tracepoint_args *ctx)
{
	u64 lock = ctx->args[0], flags = ctx->args[1];
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct lock_wait *wait;

	if (flags & LCB_F_SPIN)
		return 0;
	wait = lock_wait_of(tid);
	if (!wait)
		return 0;
	switch ((u32)flags) {
	case LCB_F_MUTEX:
		lock |= BLOCKER_TYPE_MUTEX;
		break;
	case LCB_F_READ:
		lock |= BLOCKER_TYPE_RWSEM_READER;
		break;
	case LCB_F_WRITE:
		lock |= BLOCKER_TYPE_RWSEM_WRITER;
		break;
	default:
		return 0;
	}
	wait->tid = tid;
	wait->blocker = encode_blocker(lock, tid);
	return 0;
}

SEC("raw_tp/contention_end")
int contention_end(struct bpf_raw_tracepoint_args *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct lock_wait *wait = lock_wait_of(tid);

	/* Not the end of a nested contention, such as spinning on the lock's
	 * own wait_lock.
	 */
	if (wait && wait->tid == tid &&
	    (encode_blocker(wait->blocker, tid) & ~BLOCKER_TYPE_MASK) ==
		    ctx->args[0])
		wait->tid = 0;
	return 0;
}

/* Kernel addresses have the top bit set. */
#define IS_KERNEL_ADDRESS(address) ((long)(address) < 0)

/* The lock's address with its kind; 0 where it waits for none. */
static __always_inline u64 blocker_of(struct task_struct *task)
{
	struct task_struct___since_6_16 *now = (void *)task;
	struct task_struct___6_15 *old = (void *)task;
	struct lock_wait *wait;
	u64 blocker = 0;

	if (bpf_core_field_exists(now->blocker))
		blocker = now->blocker;
	else if (bpf_core_field_exists(old->blocker_mutex))
		blocker = (u64)old->blocker_mutex;
	if (blocker)
		return blocker;
	wait = lock_wait_of(task->pid);
	if (!wait || wait->tid != task->pid)
		return 0;
	blocker = encode_blocker(wait->blocker, task->pid);
	return IS_KERNEL_ADDRESS(blocker) ? blocker : 0;
}

/* Not a switch: of all four values clang makes one with an unreachable default,
 * and declares the kfunc __bpf_trap for that (LLVM 21). Where the kernel itself
 * does not have it (before 6.17), libbpf looks for it in modules, which takes
 * CAP_SYS_ADMIN.
 */
_Static_assert(SONDE_LOCK_SEMAPHORE == SONDE_LOCK_MUTEX + BLOCKER_TYPE_SEM &&
		       SONDE_LOCK_RWSEM_READ ==
			       SONDE_LOCK_MUTEX + BLOCKER_TYPE_RWSEM_READER &&
		       SONDE_LOCK_RWSEM_WRITE ==
			       SONDE_LOCK_MUTEX + BLOCKER_TYPE_RWSEM_WRITER,
	       "the kinds are in the order of the types");

static __always_inline u32 lock_kind_of(u64 blocker)
{
	return SONDE_LOCK_MUTEX + (blocker & BLOCKER_TYPE_MASK);
}

/* With its flags. 0 on PREEMPT_RT, where both locks are rtmutexes (rwbase_rt):
 * bb630f9f7a7d, 5.15.
 */
static __always_inline u64 owner_of(u64 lock, u32 kind)
{
	struct semaphore___since_6_16 *semaphore = (void *)lock;
	struct rw_semaphore *rwsem = (void *)lock;
	struct mutex *mutex = (void *)lock;

	switch (kind) {
	case SONDE_LOCK_MUTEX:
		if (bpf_core_field_exists(mutex->owner))
			return BPF_CORE_READ(mutex, owner.counter);
		return 0;
	case SONDE_LOCK_SEMAPHORE:
		if (bpf_core_field_exists(semaphore->last_holder))
			return BPF_CORE_READ(semaphore, last_holder);
		return 0;
	default:
		if (bpf_core_field_exists(rwsem->owner))
			return BPF_CORE_READ(rwsem, owner.counter);
		return 0;
	}
}

static __always_inline bool is_mmap_lock(u64 lock, struct task_struct *task)
{
	struct mm_struct___since_5_8 *mm = (void *)BPF_CORE_READ(task, mm);

	if (!bpf_core_field_exists(mm->mmap_lock) || !mm)
		return false;
	return lock == (u64)__builtin_preserve_access_index(&mm->mmap_lock);
}

/* A task cannot go away while it holds the lock. Rereading the owner shows that
 * it still held it when its TID was read. An rwsem keeps the pointer to its
 * last reader after that has released it, so that TID may be stale or belong to
 * another task.
 */
static __always_inline void find_owner(u64 lock, u32 kind,
				       struct task_struct *task,
				       struct sonde_held_up *record)
{
	struct task_struct *holder;
	bool has_readers;
	u64 owner;
	u32 tid;

	record->lock = lock;
	record->lock_kind = kind;
	if (is_mmap_lock(lock, task))
		record->lock_flags |= SONDE_LOCK_IS_MMAP_LOCK;
	owner = owner_of(lock, kind);
	holder = (void *)(owner & ~OWNER_FLAGS);
	if (!holder || (kind == SONDE_LOCK_MUTEX && owner & MUTEX_FLAG_PICKUP))
		return;
	has_readers = (kind == SONDE_LOCK_RWSEM_READ ||
		       kind == SONDE_LOCK_RWSEM_WRITE) &&
		      owner & RWSEM_READER_OWNED;
	/* Its own name, which it has left behind. */
	if (holder == task && (has_readers || kind == SONDE_LOCK_SEMAPHORE))
		return;
	tid = BPF_CORE_READ(holder, pid);
	if (is_mmap_lock(lock, holder))
		record->lock_flags |= SONDE_LOCK_IS_HOLDERS_MMAP_LOCK;
	if ((owner_of(lock, kind) & ~OWNER_FLAGS) != (u64)holder)
		return;
	record->holder = tid;
	if (has_readers)
		record->lock_flags |= SONDE_LOCK_HAS_READERS;
}

static __always_inline void find_holder(struct task_struct *task,
					struct sonde_held_up *record)
{
	u64 blocker = blocker_of(task);
	u64 lock = blocker & ~BLOCKER_TYPE_MASK;

	if (!lock)
		return;
	find_owner(lock, lock_kind_of(blocker), task, record);
	if (blocker_of(task) != blocker)
		record->holder = 0;
}

/* A vfork() parent waits for this child, as if for a lock. */
static __always_inline bool find_vfork_parent(struct task_struct *task,
					      struct sonde_held_up *record)
{
	struct task_struct___vfork *child = (void *)task;
	u64 done = (u64)BPF_CORE_READ(child, vfork_done);

	/* A kernel thread has one for kthread_stop(). */
	if (!done || task->flags & PF_KTHREAD)
		return false;
	record->tid = BPF_CORE_READ(child, real_parent, pid);
	record->holder = task->pid;
	record->lock = done;
	record->lock_kind = SONDE_LOCK_VFORK;
	return true;
}

#endif
