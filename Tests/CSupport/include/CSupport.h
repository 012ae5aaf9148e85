/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program in just such surroundings as a test wants. */
#ifndef CSUPPORT_H
#define CSUPPORT_H

#include <stddef.h>
#include <sys/types.h>

struct sonde_command {
	/* looked up in PATH where it holds no slash */
	const char *program;
	char *const *arguments;
	char *const *environment;
	/* standard input, output and error; -1 for a closed one */
	int descriptors[3];
	/* whether it begins a session, with standard input as its terminal */
	int on_terminal;
	/* a signal to ignore, as nohup(1) does; 0 for none */
	int ignored_signal;
};

/* Starts it with no other descriptor and no signal blocked. -1 and errno where
 * fork fails; status 127 where exec does.
 */
pid_t sonde_start(const struct sonde_command *command);

/* A pipe that no program inherits; read end first. */
int sonde_pipe(int *ends);

/* RLIMIT_MEMLOCK, which this process's children inherit; ~0 for none, or for as
 * much as may be.
 */
int sonde_limit_locked_memory(unsigned long bytes);

/* Whether the kernel tells of the end of a single thread (Linux 6.9). */
int sonde_tells_of_threads(void);

/* zlib's format (RFC 1950): how many bytes were written, 0 where they don't fit
 * or the input is damaged.
 */
size_t sonde_compressed_bound(size_t size);
size_t sonde_compress(const void *from, size_t size, void *to, size_t room);
size_t sonde_uncompress(const void *from, size_t size, void *to, size_t room);

#endif
