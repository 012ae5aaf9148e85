// SPDX-License-Identifier: Apache-2.0
#include "CLibbpf.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int sonde_cpu_clock(int cpu, unsigned long hz)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attributes),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = hz,
		.exclude_idle = 1,
	};

	return syscall(SYS_perf_event_open, &attributes, -1, cpu, -1,
		       PERF_FLAG_FD_CLOEXEC);
}

int sonde_set_ticking(int clock, int ticks)
{
	return ioctl(clock,
		     ticks ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}
