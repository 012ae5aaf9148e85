// SPDX-License-Identifier: GPL-2.0
/*
 * Load without work: kernel threads that sleep uninterruptibly, for tests.
 *
 * insmod noload.ko load=1000 timeout_secs=60; they sleep until that time is up,
 * or until rmmod.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

static unsigned int load = 1;
module_param(load, uint, 0444);
MODULE_PARM_DESC(load, "number of threads");

static unsigned int timeout_secs;
module_param(timeout_secs, uint, 0444);
MODULE_PARM_DESC(timeout_secs,
		 "wake them after so many seconds; 0: with rmmod");

static struct task_struct **sleepers;
static unsigned int started;
/* Complete for all and for good: also for a thread that did not run yet. */
static DECLARE_COMPLETION(ended);

static int sleeper(void *unused)
{
	/* TASK_UNINTERRUPTIBLE, as a task that waits for a disk. */
	wait_for_completion(&ended);
	/* kthread_stop() needs a thread that is still there. */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static void time_is_up(struct work_struct *work)
{
	complete_all(&ended);
}
static DECLARE_DELAYED_WORK(timer, time_is_up);

static void end_all(void)
{
	complete_all(&ended);
	while (started > 0)
		kthread_stop(sleepers[--started]);
	vfree(sleepers);
}

static int __init noload_init(void)
{
	sleepers = vzalloc(array_size(load, sizeof(*sleepers)));
	if (!sleepers)
		return -ENOMEM;
	for (; started < load; started++) {
		struct task_struct *task =
			kthread_run(sleeper, NULL, "noload/%u", started);

		if (IS_ERR(task)) {
			pr_err("noload: thread %u of %u: error %ld\n", started,
			       load, PTR_ERR(task));
			end_all();
			return PTR_ERR(task);
		}
		sleepers[started] = task;
		cond_resched();
	}
	if (timeout_secs)
		schedule_delayed_work(&timer, timeout_secs * HZ);
	return 0;
}

static void __exit noload_exit(void)
{
	cancel_delayed_work_sync(&timer);
	end_all();
}

module_init(noload_init);
module_exit(noload_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Kernel threads that sleep uninterruptibly");
