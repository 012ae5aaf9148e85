/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has to be there before Swift's runtime starts. Its constructors read
 * /proc/self/exe and abort without it, and so does a failed allocation.
 */
#include "CStart.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

static void __attribute__((noreturn))
refuse(const char *program, const char *why, int status)
{
	char line[512];
	const char *slash = program ? strrchr(program, '/') : NULL;
	int size = snprintf(line, sizeof(line), "%s: %s\n",
			    slash     ? slash + 1
			    : program ? program
				      : "sonde",
			    why);

	if (size >= (int)sizeof(line))
		size = sizeof(line) - 1;
	if (write(STDERR_FILENO, line, (size_t)size) < 0)
		_exit(status);
	_exit(status);
}

static void check(int argc, char **argv, char **environment)
{
	struct rlimit limit;
	char path[2], why[256];

	(void)environment;
	const char *program = argc > 0 ? argv[0] : NULL;

	if (readlink("/proc/self/exe", path, sizeof(path)) < 0)
		refuse(program,
		       "/proc is not mounted: mount -t proc proc /proc",
		       EX_UNAVAILABLE);
	if (getrlimit(RLIMIT_AS, &limit) == 0 &&
	    limit.rlim_cur < SONDE_LEAST_ADDRESS_SPACE) {
		snprintf(why, sizeof(why),
			 "RLIMIT_AS (ulimit -v) is %llu kB, but at least %llu "
			 "kB "
			 "of address space are needed",
			 (unsigned long long)limit.rlim_cur >> 10,
			 SONDE_LEAST_ADDRESS_SPACE >> 10);
		refuse(program, why, 1);
	}
}

/* Before the constructors of shared libraries, where one of .init_array would
 * come after them (ELF gABI, "Initialization and Termination Functions"). A
 * static executable runs it first as well.
 */
__attribute__((section(".preinit_array"),
	       used)) static void (*const first)(int, char **, char **) = check;
