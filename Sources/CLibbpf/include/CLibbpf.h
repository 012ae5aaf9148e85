/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIBBPF_H
#define CLIBBPF_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

/* Keeps what libbpf logs on this thread, from here on. Nothing of it goes to
 * standard error, before and after neither.
 */
void sonde_log_begin(void);

/* What was logged since: to be freed; NULL where there was no memory for it. */
char *sonde_log_end(void);

/* A perf event that samples what runs on a CPU so many times a second, but for
 * the idle task: perf_event_open(2). -1 and errno where that fails.
 */
int sonde_cpu_clock(int cpu, unsigned long hz);

/* Lets such a clock tick or stand still. */
int sonde_set_ticking(int clock, int ticks);

#endif
