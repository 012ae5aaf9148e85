/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CLinux.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MAX_READY 16

int sonde_epoll(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

int sonde_epoll_add(int epoll, int fd, int edge_triggered)
{
	struct epoll_event event = {
		.events = EPOLLIN | (edge_triggered ? EPOLLET : 0),
		.data.fd = fd,
	};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int sonde_epoll_wait(int epoll, int *ready, int count)
{
	struct epoll_event events[MAX_READY];
	int n = epoll_wait(epoll, events, count < MAX_READY ? count : MAX_READY,
			   -1);

	for (int i = 0; i < n; i++)
		ready[i] = events[i].data.fd;
	return n;
}

int sonde_signalfd(const int *signals, int count)
{
	sigset_t set;

	sigemptyset(&set);
	for (int i = 0; i < count; i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int sonde_timerfd(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
}

static struct timespec from_ns(uint64_t ns)
{
	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

int sonde_timerfd_set(int fd, uint64_t first, uint64_t period)
{
	struct itimerspec when = {.it_interval = from_ns(period),
				  .it_value = from_ns(first)};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL);
}

int sonde_pidfd_open(int pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int sonde_gettid(void)
{
	return gettid();
}

static volatile int exit_status;

static void leave(int signal)
{
	(void)signal;
	_exit(exit_status);
}

int sonde_exit_on_signal(int signal, int status)
{
	struct sigaction action = {.sa_handler = leave};
	sigset_t set;

	exit_status = status;
	if (sigaction(signal, &action, NULL))
		return -1;
	sigemptyset(&set);
	sigaddset(&set, signal);
	return sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int sonde_terminal_size(int fd, int *columns, int *rows)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size))
		return -1;
	*columns = size.ws_col;
	*rows = size.ws_row;
	return 0;
}
