/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call-frame information (.eh_frame) of x86-64 programs: from a function's
 * registers to those of its caller. The file may hold anything: what is read of
 * it is bounded, and so is what is done with it. Nothing is mapped: a file that
 * another truncates meanwhile gives errors, not SIGBUS.
 *
 * Linux Standard Base 5.0, Core, chapter 10.6; DWARF 4, chapter 6.4; System V
 * ABI, AMD64 supplement, chapter 3.6.
 */
#ifndef CFRAMES_H
#define CFRAMES_H

#include <stddef.h>
#include <stdint.h>

/* rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15, instruction pointer */
#define SONDE_FRAME_REGISTERS 17
#define SONDE_FRAME_BP 6
#define SONDE_FRAME_SP 7
#define SONDE_FRAME_IP 16

/* Of a task, or of a function that it is in. */
struct sonde_frame {
	/* by their DWARF numbers */
	uint64_t registers[SONDE_FRAME_REGISTERS];
	/* bits of those that are known */
	uint32_t known;
	/* not 0: the instruction pointer is a return address */
	uint32_t is_return;
};

/* A copy of a part of a task's memory. */
struct sonde_memory {
	uint64_t start;
	const uint8_t *bytes;
	size_t length;
};

struct sonde_frames;

/* NULL where the file is no x86-64 program or library, has no call-frame
 * information, or can't be read. `fd` stays with the caller.
 */
struct sonde_frames *sonde_frames_open(int fd);
void sonde_frames_close(struct sonde_frames *frames);

/* Bytes that it takes. */
size_t sonde_frames_size(const struct sonde_frames *frames);

enum sonde_frames_outcome {
	/* the caller's place lies beyond the memory */
	SONDE_FRAMES_BEYOND = -2,
	/* the stack ends here, or the caller can't be found */
	SONDE_FRAMES_END = -1,
	/* nothing is known of this place */
	SONDE_FRAMES_NONE = 0,
	SONDE_FRAMES_STEPPED = 1,
};

/* Makes the frame that of the caller. `offset` is where the instruction pointer
 * lies in the file.
 */
int sonde_frames_step(const struct sonde_frames *frames, uint64_t offset,
		      struct sonde_frame *frame,
		      const struct sonde_memory *memory);

#endif
