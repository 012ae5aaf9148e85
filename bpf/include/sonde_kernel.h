/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * Constants of the kernel that no header of user space has, and the rules made
 * of them, for both languages.
 */
#ifndef SONDE_KERNEL_H
#define SONDE_KERNEL_H

#ifdef __bpf__
typedef unsigned char sonde_u8;
typedef unsigned short sonde_u16;
typedef unsigned int sonde_u32;
typedef unsigned long long sonde_u64;
typedef long long sonde_s64;
typedef int sonde_s32;
#else
#include <stdint.h>
typedef uint8_t sonde_u8;
typedef uint16_t sonde_u16;
typedef uint32_t sonde_u32;
typedef uint64_t sonde_u64;
typedef int64_t sonde_s64;
typedef int32_t sonde_s32;
#endif

/* Task states, include/linux/sched.h. */
#define TASK_INTERRUPTIBLE 0x0001
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_DEAD 0x0080
#define TASK_NOLOAD 0x0400
#define TASK_FROZEN 0x8000

/* Task flags, include/linux/sched.h. */
#define PF_KTHREAD 0x00200000

/* include/uapi/linux/sched.h */
#define CLONE_VM 0x00000100
#define CLONE_VFORK 0x00004000
#define CLONE_THREAD 0x00010000

/* Whether a task that sleeps in that state counts in the load average: what
 * task_contributes_to_load was, now in try_to_block_task(). Whatever other bits
 * stand beside these: TASK_KILLABLE and a vfork parent count, TASK_IDLE
 * doesn't.
 */
static inline __attribute__((always_inline)) _Bool
sonde_contributes_to_load(sonde_u32 state)
{
	return (state & TASK_UNINTERRUPTIBLE) &&
	       !(state & (TASK_NOLOAD | TASK_FROZEN));
}

#endif
