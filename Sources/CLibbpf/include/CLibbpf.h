/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIBBPF_H
#define CLIBBPF_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

/*
 * Receives one formatted line of libbpf's log. `level` is libbpf's own.
 * Called on the thread that calls libbpf.
 */
typedef void (*sonde_log_sink)(int level, const char *line);

/* Sends libbpf's log, formatted, to `sink`. For the whole process. */
void sonde_set_log_sink(sonde_log_sink sink);

/* A perf event that samples what runs on a CPU so many times a second, but for
 * the idle task: perf_event_open(2). -1 and errno where that fails.
 */
int sonde_cpu_clock(int cpu, unsigned long hz);

/* Lets such a clock tick or stand still. */
int sonde_set_ticking(int clock, int ticks);

#endif
