/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "terminal_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

static int to_guard = -1;

/* Only while the modes are still the tool's own: a shell may have been faster,
 * and has its prompt's by now.
 */
static void restore_modes(int terminal, const struct termios *modes)
{
	struct termios now;

	if (tcgetattr(terminal, &now) || now.c_lflag & (ICANON | ECHO) ||
	    now.c_cc[VMIN] || now.c_cc[VTIME])
		return;
	tcflush(terminal, TCIFLUSH);
	tcsetattr(terminal, TCSANOW, modes);
}

/* A child of a process with threads: system calls only. */
static void __attribute__((noreturn))
guard(int from, int terminal, const struct termios *modes, const char *text)
{
	struct pollfd output = {.fd = terminal, .events = POLLOUT};
	char is_taken = 0;
	ssize_t count;

	/* A name of its own, so that killing the tool by name doesn't kill the
	 * guard as well.
	 */
	prctl(PR_SET_NAME, "terminal-guard");
	/* A session of its own: no signals from the terminal's keys, and no
	 * SIGTTOU when it sets the modes.
	 */
	setsid();
	do
		count = read(from, &is_taken, 1);
	while (count > 0 || (count < 0 && errno == EINTR));
	if (is_taken) {
		restore_modes(terminal, modes);
		/* Ctrl-S may hold it up. */
		if (poll(&output, 1, 1000) == 1)
			(void)!write(terminal, text, strlen(text));
	}
	_exit(0);
}

/* Closes all descriptors but these two. */
static void keep(int one, int other)
{
	int low = one < other ? one : other, high = one < other ? other : one;

	if (low > 0)
		close_range(0, (unsigned int)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned int)low + 1, (unsigned int)high - 1, 0);
	close_range((unsigned int)high + 1, ~0U, 0);
}

void sonde_guard_begin(int fd, const char *text)
{
	struct termios modes;
	sigset_t all, before;
	int ends[2];

	if (to_guard >= 0 || tcgetattr(fd, &modes) || pipe2(ends, O_CLOEXEC))
		return;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	switch (fork()) {
	case 0:
		/* Also where close_range(2) is refused: with it open no end
		 * would be seen.
		 */
		close(ends[1]);
		keep(ends[0], fd);
		guard(ends[0], fd, &modes, text);
	case -1:
		close(ends[1]);
		break;
	default:
		to_guard = ends[1];
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[0]);
}

void sonde_guard_tell(int is_taken)
{
	char state = (char)is_taken;

	/* Where it has been killed itself, nobody needs to know. */
	if (to_guard >= 0)
		(void)!write(to_guard, &state, 1);
}

void sonde_guard_end(void)
{
	if (to_guard >= 0)
		close(to_guard);
	to_guard = -1;
}
