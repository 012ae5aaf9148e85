// SPDX-License-Identifier: (MIT OR GPL-2.0)
/*
 * loadwatch's kernel side: one record per context switch, a record as a task is
 * created or renamed, the stacks of tasks that begin an uninterruptible sleep,
 * and iterators over all tasks.
 */
#include "kernel.bpf.h"
#include "load_samples.bpf.h"
#include "locks.bpf.h"
#include "mmap_lock.bpf.h"
#include "ring.bpf.h"
#include "include/sonde_sched.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__type(key, u32);
	__uint(value_size, SONDE_WAIT_FRAMES * sizeof(u64));
} stacks SEC(".maps");

/* Run once, before the others are attached. Not by __ksym: for that, libbpf
 * reads all of /proc/kallsyms, which takes longer than all else at the start.
 */
SEC("syscall")
int find_symbols(void *ctx)
{
	find_frozen_flag();
	find_load_symbols();
	return 0;
}

/* The consumer is about to run: what it can't see by itself. */
static __always_inline void note_consumer_wakeup(u64 clock)
{
	status.run_queue_clock = clock;
	status.jiffies = bpf_jiffies64();
	status.monotonic = bpf_ktime_get_ns();
	count_delayed_once(status.monotonic);
	if (!symbols.avenrun || !symbols.calc_load_tasks)
		return;
	bpf_probe_read_kernel(&status.active, sizeof(status.active),
			      (void *)symbols.calc_load_tasks);
	bpf_probe_read_kernel(&status.averages, sizeof(status.averages),
			      (void *)symbols.avenrun);
	status.has_averages = 1;
}

static __always_inline void
task_waits(void *ctx, void *ring, struct sonde_cpu *counters, u64 time, u32 tid)
{
	struct sonde_wait *record;

	record = ring_reserve(ring, counters, sizeof(*record), true);
	if (!record)
		return;
	set_header(&record->header, time, tid, SONDE_KIND_WAIT);
	record->stack = bpf_get_stackid(ctx, &stacks, 0);
	record->pad = 0;
	ring_submit(record, counters);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev,
	     struct task_struct *next)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct sonde_cpu *counters = bpf_map_lookup_elem(&cpus, &cpu);
	struct rq *rq = next->se.cfs_rq->rq;
	u64 clock = rq->clock, switches = rq->nr_switches;
	u64 queued = next->sched_info.last_queued;
	struct sonde_switch *record;
	bool sleeps;
	u32 state;
	void *ring;

	if (!counters || control.stopped)
		return 0;
	if (counters->switches_seen)
		counters->untraced += switches - counters->switches_seen - 1;
	counters->switches_seen = switches;
	/* Written once: its neighbours are other CPUs'. */
	if (queues[cpu % QUEUES] != (u64)rq)
		queues[cpu % QUEUES] = (u64)rq;

	if (next->pid == status.consumer_tid)
		note_consumer_wakeup(clock);

	ring = bpf_map_lookup_elem(&rings, &cpu);
	record = ring_reserve(ring, counters, sizeof(*record), true);
	if (!record)
		return 0;

	record->header.time = clock;
	record->header.tid = next->pid;
	record->header.kind = SONDE_KIND_SWITCH;
	/* What sched_info_arrive() is about to store, right after this
	 * tracepoint and with this very clock.
	 */
	record->next_run_delay =
		next->sched_info.run_delay + (queued ? clock - queued : 0);
	record->next_pcount = next->sched_info.pcount + 1;
	record->prev_tid = prev->pid;
	record->header.aux = switched_out_state(ctx, prev);
	record->header.flags =
		(preempt || on_run_queue(prev) ? SONDE_SWITCH_PREV_QUEUED : 0) |
		(switches != counters->switches_delivered + 1 ? SONDE_SWITCH_GAP
							      : 0);
	counters->switches_delivered = switches;
	if ((record->header.flags & SONDE_SWITCH_PREV_QUEUED) &&
	    is_throttled(prev))
		record->header.flags |=
			SONDE_SWITCH_PREV_THROTTLED |
			(is_throttled_alone() ? SONDE_SWITCH_THROTTLED_ALONE
					      : 0);
	state = record->header.aux;
	sleeps = !(record->header.flags & SONDE_SWITCH_PREV_QUEUED);
	ring_submit(record, counters);
	if (sleeps && sonde_contributes_to_load(state) &&
	    clock >= control.stacks_from && clock < control.stacks_to)
		task_waits(ctx, ring, counters, clock, prev->pid);
	return 0;
}

/* No run queue clock is current here; the last that this CPU took is not
 * later than now and not earlier than the ring's record before.
 */
static __always_inline u64 this_cpu_clock(void)
{
	struct task_struct *current = (void *)bpf_get_current_task();

	return BPF_CORE_READ(current, se.cfs_rq, rq, clock);
}

/* User space attaches one of these two: fexit where it can, else kretprobe. */
SEC("fexit/calc_global_load")
int BPF_PROG(calc_global_load_exit)
{
	watch_load(this_cpu_clock());
	return 0;
}

SEC("kretprobe/calc_global_load")
int BPF_KRETPROBE(calc_global_load_return)
{
	watch_load(this_cpu_clock());
	return 0;
}

/* Called by set_task_cpu(). TASK_ON_RQ_MIGRATING: the task was queued on the
 * CPU that it leaves, and sched_info_dequeue() has already added its wait there
 * to run_delay. A task that is being woken hasn't waited yet.
 */
#define TASK_ON_RQ_MIGRATING 2

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(sched_migrate_task, struct task_struct *task)
{
	struct sonde_cpu *counters;
	struct sonde_migrate *record;
	struct rq *rq = task->se.cfs_rq->rq;
	u64 time;

	if (task->on_rq != TASK_ON_RQ_MIGRATING || control.stopped)
		return 0;
	record = ring_reserve_here(&counters, sizeof(*record));
	if (!record)
		return 0;
	record->clock = rq->clock;
	/* This CPU may not have taken its clock for long; the other one's was
	 * taken for this.
	 */
	time = this_cpu_clock();
	set_header(&record->header, time > record->clock ? time : record->clock,
		   task->pid, SONDE_KIND_MIGRATE);
	record->header.aux = rq->cpu;
	record->run_delay = task->sched_info.run_delay;
	ring_submit(record, counters);
	return 0;
}

static __always_inline int task_event(struct task_struct *task, u8 kind,
				      u32 old_tid, const char *comm)
{
	struct sonde_task_event *record;
	struct sonde_cpu *counters;

	if (control.stopped)
		return 0;
	record = ring_reserve_here(&counters, sizeof(*record));
	if (!record)
		return 0;

	set_header(&record->header, this_cpu_clock(), task->pid, kind);
	if (task->flags & PF_KTHREAD)
		record->header.flags = SONDE_TASK_IS_KERNEL_THREAD;
	record->cgroup = cgroup_id(task);
	record->tgid = task->tgid;
	record->old_tid = old_tid;
	bpf_probe_read_kernel(record->comm, sizeof(record->comm), comm);
	ring_submit(record, counters);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_newtask, struct task_struct *task)
{
	return task_event(task, SONDE_KIND_NEW_TASK, 0, task->comm);
}

SEC("tp_btf/task_rename")
int BPF_PROG(task_rename, struct task_struct *task, const char *comm)
{
	return task_event(task, SONDE_KIND_RENAME, 0, comm);
}

/* A thread that execs takes its leader's id: fs/exec.c, de_thread(). */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task, u32 old_tid)
{
	if (task->pid == old_tid)
		return 0;
	return task_event(task, SONDE_KIND_EXEC, old_tid, task->comm);
}

SEC("iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct sonde_task record = {};
	struct rq *rq;

	/* The reader runs this program: whoever reads is the consumer. */
	status.consumer_tid = (u32)bpf_get_current_pid_tgid();
	status.has_blockers = has_blockers();
	if (!task)
		return 0;

	rq = task->se.cfs_rq->rq;
	record.monotonic = bpf_ktime_get_ns();
	record.pcount = task->sched_info.pcount;
	record.run_delay = task->sched_info.run_delay;
	record.last_queued = task->sched_info.last_queued;
	record.last_arrival = task->sched_info.last_arrival;
	/* update_curr() sets exec_start, on the clock without interrupt time,
	 * for the last time as a task leaves the CPU.
	 */
	if (task->se.exec_start)
		record.last_ran =
			task->se.exec_start + (rq->clock - rq->clock_task);
	record.cgroup = cgroup_id(task);
	record.tid = task->pid;
	record.tgid = task->tgid;
	record.state = task_state(task);
	record.on_cpu = task->on_cpu;
	record.on_rq = on_run_queue(task);
	record.is_kernel_thread = !!(task->flags & PF_KTHREAD);
	bpf_probe_read_kernel(record.comm, sizeof(record.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

static __always_inline void find_vfork_waiter(struct task_struct *task,
					      struct seq_file *seq)
{
	struct sonde_held_up record = {};

	if (find_vfork_parent(task, &record))
		bpf_seq_write(seq, &record, sizeof(record));
}

static __always_inline void find_what_holds_up(struct task_struct *task,
					       struct seq_file *seq)
{
	struct sonde_held_up record = {};

	if (on_run_queue(task)) {
		if (!is_throttled(task))
			return;
	} else {
		if (!sonde_contributes_to_load(task_state(task)))
			return;
		find_holder(task, &record);
		if (!record.lock)
			return;
	}
	record.tid = task->pid;
	bpf_seq_write(seq, &record, sizeof(record));
}

SEC("iter/task")
int held_up(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	find_vfork_waiter(task, ctx->meta->seq);
	find_what_holds_up(task, ctx->meta->seq);
	/* At the end: what comes behind its loop the verifier would look at for
	 * each turn.
	 */
	if (task->pid == task->tgid)
		find_mmap_waiters(task, ctx->meta->seq);
	return 0;
}

SEC("iter/task")
int waiters(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct sonde_waiter record = {};
	long length;

	if (!task || on_run_queue(task) ||
	    !sonde_contributes_to_load(task_state(task)))
		return 0;
	length = bpf_get_task_stack(task, record.frames, sizeof(record.frames),
				    0);
	record.length = length > 0 ? length : 0;
	record.tid = task->pid;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}
