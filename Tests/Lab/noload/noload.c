// SPDX-License-Identifier: GPL-2.0
/*
 * Load without work: kernel threads that sleep uninterruptibly, for tests.
 *
 * insmod noload.ko load=1000 timeout_secs=60; they sleep until that time is up,
 * or until rmmod. Or in another state than D, by its bits.
 *
 * insmod noload.ko load=0 waiters=50: of each kind of lock one thread holds one
 * and sleeps, and so many wait for it: "h-mutex" and "w-mutex". And a chain:
 * "chain/2" waits for what "chain/1" holds, which waits for "chain/0".
 */
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/semaphore.h>
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

static unsigned int waiters;
module_param(waiters, uint, 0444);
MODULE_PARM_DESC(waiters, "how many threads wait for each kind of lock");

static struct task_struct **threads;
static unsigned int started;
static DECLARE_WAIT_QUEUE_HEAD(queue);
static bool ended;

static void sleep_to_the_end(void)
{
	while (!READ_ONCE(ended))
		___wait_event(queue, READ_ONCE(ended), state, 0, 0, schedule());
}

/* kthread_stop() needs a thread that is still there. */
static int wait_for_stop(void)
{
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static int sleeper(void *unused)
{
	sleep_to_the_end();
	return wait_for_stop();
}

static DEFINE_MUTEX(mutex);
static DECLARE_RWSEM(written);
static DECLARE_RWSEM(read);
static struct semaphore semaphore;
static struct mutex links[2];

static void lock_mutex(void)
{
	mutex_lock(&mutex);
}

static void unlock_mutex(void)
{
	mutex_unlock(&mutex);
}

static void lock_written(void)
{
	down_write(&written);
}

static void unlock_written(void)
{
	up_write(&written);
}

static void lock_read(void)
{
	down_read(&read);
}

static void unlock_read(void)
{
	up_read(&read);
}

static void write_read(void)
{
	down_write(&read);
}

static void unwrite_read(void)
{
	up_write(&read);
}

static void lock_semaphore(void)
{
	down(&semaphore);
}

static void unlock_semaphore(void)
{
	up(&semaphore);
}

static const struct kind {
	const char *name;
	void (*hold)(void);
	void (*release)(void);
	void (*wait)(void);
	void (*go_on)(void);
} kinds[] = {
	{"mutex", lock_mutex, unlock_mutex, lock_mutex, unlock_mutex},
	{"write", lock_written, unlock_written, lock_written, unlock_written},
	{"read", lock_read, unlock_read, write_read, unwrite_read},
	{"sem", lock_semaphore, unlock_semaphore, lock_semaphore,
	 unlock_semaphore},
};

static int holder(void *argument)
{
	const struct kind *kind = argument;

	kind->hold();
	sleep_to_the_end();
	kind->release();
	return wait_for_stop();
}

static int waiter(void *argument)
{
	const struct kind *kind = argument;

	kind->wait();
	kind->go_on();
	return wait_for_stop();
}

/* The first holds a lock, the second one and waits for that, and so on. */
static int chained(void *argument)
{
	unsigned int number = (unsigned long)argument;

	if (number < ARRAY_SIZE(links))
		mutex_lock_nested(&links[number], number);
	if (number == 0)
		sleep_to_the_end();
	else
		mutex_lock_nested(&links[number - 1], number + 2);
	if (number > 0)
		mutex_unlock(&links[number - 1]);
	if (number < ARRAY_SIZE(links))
		mutex_unlock(&links[number]);
	return wait_for_stop();
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
		kthread_stop(threads[--started]);
	vfree(threads);
}

static int add(struct task_struct *task)
{
	if (IS_ERR(task)) {
		pr_err("noload: after %u threads: error %ld\n", started,
		       PTR_ERR(task));
		return PTR_ERR(task);
	}
	threads[started++] = task;
	cond_resched();
	return 0;
}

static int add_sleepers(void)
{
	int error = 0;

	while (!error && started < load)
		error = add(kthread_run(sleeper, NULL, "noload/%u", started));
	return error;
}

/* Whoever holds a lock has it before anybody waits. */
static int add_locks(void)
{
	int error = 0;

	sema_init(&semaphore, 1);
	mutex_init(&links[0]);
	mutex_init(&links[1]);
	for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct kind *kind = &kinds[i];

		if (!error)
			error = add(kthread_run(holder, (void *)kind, "h-%s",
						kind->name));
		schedule_timeout_uninterruptible(HZ / 5);
		for (unsigned int j = 0; !error && j < waiters; j++)
			error = add(kthread_run(waiter, (void *)kind, "w-%s",
						kind->name));
	}
	for (unsigned long i = 0; !error && i <= ARRAY_SIZE(links); i++) {
		error = add(kthread_run(chained, (void *)i, "chain/%lu", i));
		schedule_timeout_uninterruptible(HZ / 5);
	}
	return error;
}

static int __init noload_init(void)
{
	unsigned int most = load + ARRAY_SIZE(kinds) * (waiters + 1) + 3;
	int error;

	threads = vzalloc(array_size(most, sizeof(*threads)));
	if (!threads)
		return -ENOMEM;
	error = add_sleepers();
	if (!error && waiters)
		error = add_locks();
	if (error) {
		end_all();
		return error;
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
