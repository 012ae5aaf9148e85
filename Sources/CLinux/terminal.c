/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CLinux.h"
#include "terminal_guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"
/* xterm: the alternate screen, no line that wraps, buttons and wheel in numbers
 * without limit. On the way back also what a frame that broke off has begun.
 */
#define ALTERNATE_SCREEN "\033[?1049h\033[?7l\033[?1000h\033[?1006h"
#define NORMAL_SCREEN                                                          \
	"\033[?2026l\033[0m\033[?1006l\033[?1000l\033[?7h\033[?1049l"

/* The terminal that a live screen stands on, or -1, and its modes before. */
static volatile sig_atomic_t screen = -1;
static volatile sig_atomic_t is_up;
static volatile sig_atomic_t takes;
static bool takes_keys, is_whole;
static struct termios modes;
static struct sigaction stop_before, continue_before;

int sonde_terminal_size(int fd, int *columns, int *rows)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size))
		return -1;
	*columns = size.ws_col;
	*rows = size.ws_row;
	return 0;
}

static void put(const char *text)
{
	struct pollfd output = {.fd = screen, .events = POLLOUT};

	/* Not for long: this may be in a signal handler. */
	if (poll(&output, 1, 100) == 1)
		sonde_write_now(screen, text, strlen(text));
}

/* To change a terminal from the background is to be stopped by SIGTTOU. */
static bool is_foreground(void)
{
	return tcgetpgrp(screen) == getpgrp();
}

static void take_keys(void)
{
	struct termios quiet = modes;

	/* Ctrl-C, Ctrl-Z and Ctrl-S stay. */
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	/* A read after a flush is not to wait for the next key. */
	quiet.c_cc[VMIN] = 0;
	quiet.c_cc[VTIME] = 0;
	if (is_whole)
		sonde_guard_tell(1);
	if (takes_keys)
		tcsetattr(screen, TCSANOW, &quiet);
	put(is_whole ? ALTERNATE_SCREEN HIDE_CURSOR : HIDE_CURSOR);
	is_up = 1;
	takes++;
}

static void give_back(void)
{
	if (!is_up)
		return;
	put(is_whole ? NORMAL_SCREEN SHOW_CURSOR : SHOW_CURSOR);
	is_up = 0;
	if (takes_keys && is_foreground()) {
		tcflush(screen, TCIFLUSH);
		tcsetattr(screen, TCSANOW, &modes);
	}
	if (is_whole)
		sonde_guard_tell(0);
}

static void stop(int signal)
{
	int error = errno;
	struct sigaction again, by_default = {.sa_handler = SIG_DFL};
	sigset_t this, before;

	if (is_foreground())
		give_back();
	/* Not SIGSTOP: an orphaned process group, which nobody would continue,
	 * is not stopped by SIGTSTP.
	 */
	sigaction(signal, &by_default, &again);
	raise(signal);
	sigemptyset(&this);
	sigaddset(&this, signal);
	sigprocmask(SIG_UNBLOCK, &this, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigaction(signal, &again, NULL);
	/* If it wasn't stopped, no SIGCONT came. */
	if (!is_up && is_foreground())
		take_keys();
	errno = error;
}

static void go_on(int signal)
{
	int error = errno;

	(void)signal;
	if (screen >= 0 && is_foreground()) {
		take_keys();
		/* For it to be drawn anew at once. */
		if (is_whole)
			raise(SIGWINCH);
	}
	errno = error;
}

/* What would leave the terminal as it is. */
static const int fatal[] = {SIGQUIT, SIGABRT, SIGSEGV, SIGBUS,	SIGILL,
			    SIGTRAP, SIGFPE,  SIGALRM, SIGUSR1, SIGUSR2};
#define FATAL (sizeof(fatal) / sizeof(fatal[0]))
static struct sigaction fatal_before[FATAL];

static void crash(int signal)
{
	sonde_screen_end();
	raise(signal);
}

void sonde_screen_guard(int fd)
{
	sonde_guard_begin(fd, NORMAL_SCREEN SHOW_CURSOR);
}

void sonde_screen_begin(int fd, enum sonde_screen_kind kind)
{
	struct sigaction on_stop = {.sa_handler = stop};
	struct sigaction on_continue = {.sa_handler = go_on};

	is_whole = kind == SONDE_SCREEN_WHOLE;
	takes_keys = kind != SONDE_SCREEN_PLACE && tcgetattr(fd, &modes) == 0 &&
		     (is_whole || tcgetpgrp(fd) == getpgrp());
	screen = fd;
	for (size_t i = 0; is_whole && i < FATAL; i++) {
		struct sigaction once = {.sa_handler = crash,
					 .sa_flags = SA_RESETHAND};

		sigaction(fatal[i], &once, &fatal_before[i]);
	}
	/* In the background the terminal is another's: take_keys() comes with
	 * SIGCONT.
	 */
	if (!is_whole || is_foreground())
		take_keys();
	sigaction(SIGTSTP, NULL, &stop_before);
	sigaction(SIGCONT, &on_continue, &continue_before);
	/* As a shell without job control has it. */
	if (stop_before.sa_handler != SIG_IGN)
		sigaction(SIGTSTP, &on_stop, NULL);
}

void sonde_screen_end(void)
{
	if (screen < 0)
		return;
	sigaction(SIGTSTP, &stop_before, NULL);
	sigaction(SIGCONT, &continue_before, NULL);
	for (size_t i = 0; is_whole && i < FATAL; i++)
		sigaction(fatal[i], &fatal_before[i], NULL);
	give_back();
	sonde_guard_end();
	screen = -1;
}

int sonde_screen_takes(void)
{
	return is_up ? takes : 0;
}

ssize_t sonde_read_keys(int fd, void *bytes, size_t size, int timeout)
{
	struct pollfd input = {.fd = fd, .events = POLLIN};
	ssize_t count;

	/* To read from the background is to be stopped by SIGTTIN. */
	if (!is_up || tcgetpgrp(fd) != getpgrp())
		return 0;
	if (poll(&input, 1, timeout) <= 0)
		return 0;
	count = read(fd, bytes, size);
	if (count < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -1;
	/* Of a terminal without a key there is nothing, and of one that has
	 * hung up.
	 */
	return count > 0 || !(input.revents & (POLLHUP | POLLERR)) ? count : -1;
}
