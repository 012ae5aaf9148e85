/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forks that are called as in programs without frame pointers: only the
 * call-frame information says where the callers are.
 */
#include "testload.h"

#include <err.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

void caller_10(void);

/* Not static: the functions below call it. */
void __attribute__((used)) fork_and_reap(void)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (child == 0)
		_exit(0);
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "a child failed");
}

#ifdef __x86_64__

/* Each uses the frame pointer for something else, and has a frame of another
 * size.
 */
#define CALLER(name, callee, size)                                             \
	__asm__(".pushsection .text\n"                                         \
		".globl " #name "\n"                                           \
		".type " #name ", @function\n" #name ":\n"                     \
		".cfi_startproc\n"                                             \
		"push %rbp\n"                                                  \
		".cfi_adjust_cfa_offset 8\n"                                   \
		".cfi_rel_offset %rbp, 0\n"                                    \
		"sub $" #size ", %rsp\n"                                       \
		".cfi_adjust_cfa_offset " #size "\n"                           \
		"mov $1, %ebp\n"                                               \
		"call " #callee "\n"                                           \
		"add $" #size ", %rsp\n"                                       \
		".cfi_adjust_cfa_offset -" #size "\n"                          \
		"pop %rbp\n"                                                   \
		".cfi_adjust_cfa_offset -8\n"                                  \
		".cfi_restore %rbp\n"                                          \
		"ret\n"                                                        \
		".cfi_endproc\n"                                               \
		".size " #name ", . - " #name "\n"                             \
		".popsection\n")

CALLER(caller_1, fork_and_reap, 16);
CALLER(caller_2, caller_1, 48);
CALLER(caller_3, caller_2, 1024);
CALLER(caller_4, caller_3, 16);
CALLER(caller_5, caller_4, 4096);
CALLER(caller_6, caller_5, 32);
CALLER(caller_7, caller_6, 16);
CALLER(caller_8, caller_7, 8192);
CALLER(caller_9, caller_8, 64);
CALLER(caller_10, caller_9, 16);

#else

void caller_10(void)
{
	fork_and_reap();
}

#endif

/* N, one every 20 ms. */
void load_callers(const long *arguments)
{
	long done = 0;

	say_ready();
	for (; done < arguments[0] && wait_for_input(20) != INPUT_END; done++)
		caller_10();
	printf("callers %ld\n", done);
}
