/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
#ifndef EXECS_H
#define EXECS_H

#include <linux/types.h>

struct exec_event {
	__u32 pid;
	__u32 cpu;
	char comm[16];
};

#endif
