// SPDX-License-Identifier: GPL-2.0
/*
 * Load without work: kernel threads that sleep uninterruptibly, for tests.
 *
 * insmod noload.ko load=1000 timeout_secs=60; they sleep until that time is up,
 * or until rmmod. Or in another state than D, by its bits.
 */
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static unsigned int load = 1;
module_param(load, uint, 0444);
MODULE_PARM_DESC(load, "number of threads");

static unsigned int timeout_secs;
module_param(timeout_secs, uint, 0444);
MODULE_PARM_DESC(timeout_secs,
		 "wake them after so many seconds; 0: with rmmod");

/* As a task that waits for a disk. */
static unsigned int state = TASK_UNINTERRUPTIBLE;
module_param(state, uint, 0444);
MODULE_PARM_DESC(state, "the state they sleep in, include/linux/sched.h");

static struct task_struct **sleepers;
static unsigned int started;
static DECLARE_WAIT_QUEUE_HEAD(queue);
static bool ended;

static int sleeper(void *unused)
{
	while (!READ_ONCE(ended))
		___wait_event(queue, READ_ONCE(ended), state, 0, 0, schedule());
	/* kthread_stop() needs a thread that is still there. */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static void wake_all(void)
{
	WRITE_ONCE(ended, true);
	wake_up_all(&queue);
}

static void time_is_up(struct work_struct *work)
{
	wake_all();
}
static DECLARE_DELAYED_WORK(timer, time_is_up);

static void end_all(void)
{
	wake_all();
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
