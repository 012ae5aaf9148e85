/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
#ifndef RENAMES_H
#define RENAMES_H

#include <linux/types.h>

struct rename_event {
	__u32 pid;
};

#endif
