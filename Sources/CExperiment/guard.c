/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CExperiment.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define GUARDED 16384

static bool put_back(char *line)
{
	char *value = strchr(line, ' ');
	bool done = true;
	int file;

	if (!value)
		return false;
	*value++ = 0;
	file = open(line, O_WRONLY);
	if (file < 0)
		return false;
	if (write(file, value, strlen(value)) < 0)
		done = false;
	close(file);
	return done;
}

static void __attribute__((noreturn)) guard(int pipe)
{
	static char text[GUARDED];
	size_t length = 0;
	bool done = true;
	ssize_t size;

	while (length < sizeof(text) - 1) {
		size = read(pipe, text + length, sizeof(text) - 1 - length);
		if (size > 0)
			length += size;
		else if (size == 0 || errno != EINTR)
			break;
	}
	while (length > 0 && text[length - 1] == '\n') {
		char *line;

		text[length - 1] = 0;
		line = memrchr(text, '\n', length);
		line = line ? line + 1 : text;
		length = line - text;
		done = put_back(line) && done;
	}
	_exit(done ? 0 : 1);
}

int sonde_start_guard(pid_t *pid)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -1;
	*pid = fork();
	if (*pid < 0) {
		close(pipes[0]);
		close(pipes[1]);
		return -1;
	}
	if (*pid == 0) {
		static const int ignored[] = {SIGINT,  SIGTERM, SIGHUP,
					      SIGQUIT, SIGPIPE, SIGTSTP};

		for (size_t i = 0; i < sizeof(ignored) / sizeof(int); i++)
			signal(ignored[i], SIG_IGN);
		/* What reads the output must not wait for this process. */
		for (int fd = 0; fd < 1024; fd++)
			if (fd != pipes[0])
				close(fd);
		setsid();
		prctl(PR_SET_NAME, "settings guard");
		guard(pipes[0]);
	}
	close(pipes[0]);
	return pipes[1];
}

int sonde_collapse(int pidfd, uint64_t start, uint64_t size)
{
	struct iovec range = {(void *)start, size};

	return syscall(SYS_process_madvise, pidfd, &range, 1, MADV_COLLAPSE,
		       0) < 0
		       ? errno
		       : 0;
}
