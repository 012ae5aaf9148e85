/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes made as in programs without frame pointers: only the call-frame
 * information says where the callers are.
 */
#include "testload.h"

#include <err.h>
#include <linux/sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static enum call {
	CALL_FORK,
	CALL_VFORK,
	CALL_POSIX_SPAWN,
	CALL_CLONE3,
	/* a fork in a handler of a signal that the caller sends itself */
	CALL_IN_HANDLER,
	/* a fork below more of the stack than is copied */
	CALL_DEEP,
} call;

void caller_10(void);
void handle_signal(int number);
void call_deep(void);

static pid_t spawned(void)
{
	static char *arguments[] = {"testload", "internal-spin", "1", NULL};
	pid_t child;
	int error = posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments,
				environ);

	if (error)
		errx(1, "posix_spawn: error %d", error);
	return child;
}

static pid_t cloned(void)
{
	struct clone_args arguments = {.exit_signal = SIGCHLD};

	return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static pid_t called(void)
{
	switch (call) {
	case CALL_POSIX_SPAWN:
		return spawned();
	case CALL_CLONE3:
		return cloned();
	default:
		return fork();
	}
}

static void reap_one(pid_t child)
{
	int status;

	if (child < 0)
		err(1, "make a process");
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "a child failed");
}

/* These are not static, so that they have names. */
void __attribute__((noinline)) make_and_reap(void)
{
	pid_t child;

	/* Its caller must not return before the child is gone. */
	child = call == CALL_VFORK ? vfork() : called();
	if (child == 0)
		_exit(0);
	reap_one(child);
}

/* Lest the last call be a jump: a function that has jumped is no caller. */
#define STAY() __asm__ volatile("" ::: "memory")

void handle_signal(int number)
{
	make_and_reap();
	STAY();
}

void __attribute__((noinline)) call_deep(void)
{
	uint8_t much[64 << 10];

	__asm__ volatile("" ::"r"(much) : "memory");
	make_and_reap();
	STAY();
}

/* The functions below call it. */
void __attribute__((used)) call_once(void)
{
	if (call == CALL_IN_HANDLER)
		raise(SIGUSR1);
	else if (call == CALL_DEEP)
		call_deep();
	else
		make_and_reap();
	STAY();
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

CALLER(caller_1, call_once, 16);
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
	call_once();
}

#endif

/* N, one every 20 ms, made in that way. */
void load_callers(const long *arguments)
{
	long done = 0;

	call = arguments[1];
	if (signal(SIGUSR1, handle_signal) == SIG_ERR)
		err(1, "signal");
	say_ready();
	for (; done < arguments[0] && wait_for_input(20) != INPUT_END; done++)
		caller_10();
	printf("callers %ld\n", done);
}
