/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * The kernel's load samples, each at its own instant (kernel/sched/loadavg.c).
 *
 * At calc_load_update each CPU counts its active tasks in its tick
 * (calc_global_load_tick()). Ten ticks later calc_global_load(), which the tick
 * that advances jiffies calls, makes the averages of that and sets
 * calc_load_update to the next sample.
 */
#ifndef SONDE_LOAD_SAMPLES_BPF_H
#define SONDE_LOAD_SAMPLES_BPF_H

#include "ring.bpf.h"
#include "include/sonde_sched.h"

struct sonde_control control SEC(".data.control");
struct sonde_status status SEC(".data.status");
struct sonde_symbols symbols SEC(".data.symbols");

#define QUEUES 1024

/* The CPUs' run queues; the symbol of those is not in every kernel. */
u64 queues[QUEUES] SEC(".data.queues");

/* Only the CPU that advances jiffies is here. */
struct {
	/* calc_load_update of the next sample, or of the one that has no
	 * averages yet; 0 until known
	 */
	u64 update;
	/* whether its tick has been */
	u64 has_sampled;
	/* as calc_global_load() left them the last time */
	u64 averages[3];
} load SEC(".data.load");

static __always_inline void find_load_symbols(void)
{
	symbols.calc_load_tasks = kernel_symbol("calc_load_tasks");
	symbols.avenrun = kernel_symbol("avenrun");
	symbols.calc_load_update = kernel_symbol("calc_load_update");
}

#define SAMPLE_SLACK 1000000

/* Who sleeps and is counted, right after a load sample. */
static __always_inline void count_delayed(u64 now)
{
	long long delayed = 0;

	if (!has_delayed_counts() || config.cpus > QUEUES)
		return;
	/* No branches inside, which the verifier would follow one by one. */
	for (u32 cpu = 0; cpu < config.cpus && cpu < QUEUES; cpu++)
		delayed += delayed_on((void *)queues[cpu]);
	status.delayed = delayed;
	status.delayed_at = now;
}

static __always_inline void read_averages(void)
{
	bpf_probe_read_kernel(&load.averages, sizeof(load.averages),
			      (void *)symbols.avenrun);
}

static __always_inline void report_load(u64 time)
{
	u64 before[3] = {load.averages[0], load.averages[1], load.averages[2]};
	struct sonde_cpu *counters;
	struct sonde_load *record;

	/* Lost or not. */
	read_averages();
	record = ring_reserve_here(&counters, sizeof(*record));
	if (!record)
		return;
	set_header(&record->header, time, 0, SONDE_KIND_LOAD);
	record->jiffies = load.update;
	record->active = 0;
	bpf_probe_read_kernel(&record->active, sizeof(record->active),
			      (void *)symbols.calc_load_tasks);
	for (int index = 0; index < 3; index++) {
		record->before[index] = before[index];
		record->after[index] = load.averages[index];
	}
	ring_submit(record, counters);
}

/* Whether it has been done for the announced sample, by which the consumer is
 * woken. The estimate of that one's time may be later than its tick.
 */
static __always_inline bool has_counted_delayed(void)
{
	return status.delayed_at + SAMPLE_SLACK >= control.sample &&
	       status.delayed_at < control.sample + SAMPLE_SLACK;
}

/* The consumer has been woken for the sample. */
static __always_inline void count_delayed_once(u64 now)
{
	if (now >= control.sample && !has_counted_delayed())
		count_delayed(now);
}

/* Runs as calc_global_load() returns, once per tick; a missed call is made up
 * for by the next one.
 */
static __always_inline void watch_load(u64 time)
{
	u64 jiffies = bpf_jiffies64(), update = 0;

	/* Until then nothing changes. */
	if ((long long)(jiffies - load.update) < 0 || control.stopped)
		return;
	bpf_probe_read_kernel(&update, sizeof(update),
			      (void *)symbols.calc_load_update);
	if (update != load.update) {
		if (load.update)
			report_load(time);
		else
			read_averages();
		load.update = update;
		load.has_sampled = 0;
	} else if (!load.has_sampled) {
		load.has_sampled = 1;
		if (!has_counted_delayed())
			count_delayed(bpf_ktime_get_ns());
	}
}

#endif
