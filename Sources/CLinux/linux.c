/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_READY 16

int sonde_epoll(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

int sonde_epoll_add(int epoll, int fd, enum sonde_interest interest)
{
	/* Errors and hangups are reported unasked. */
	static const unsigned int events[] = {
		[SONDE_READABLE] = EPOLLIN,
		[SONDE_BECOMES_READABLE] = EPOLLIN | EPOLLET,
		[SONDE_HANGUP] = 0,
	};
	struct epoll_event event = {
		.events = events[interest],
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

/* 64bef697d33b ("pidfd: implement PIDFD_THREAD flag for pidfd_open()"), 6.9 */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

int sonde_semaphore_wait(sem_t *semaphore, uint64_t nanoseconds)
{
	struct timespec until;
	int result;

	clock_gettime(CLOCK_MONOTONIC, &until);
	nanoseconds += until.tv_nsec;
	until.tv_sec += nanoseconds / 1000000000;
	until.tv_nsec = nanoseconds % 1000000000;
	do
		result = sem_clockwait(semaphore, CLOCK_MONOTONIC, &until);
	while (result && errno == EINTR);
	return result;
}

int sonde_pidfd_open(int tid)
{
	int fd = (int)syscall(SYS_pidfd_open, tid, 0);

	/* Refused for a thread that doesn't lead its process. */
	if (fd < 0 && errno != ESRCH)
		fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
	return fd;
}

int sonde_gettid(void)
{
	return gettid();
}

/* Without waiting where that can be had: a terminal or pipe that is shared must
 * not be made non-blocking, since it would be for all.
 */
int sonde_open_without_waiting(int fd)
{
	char path[32];
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -1;
	if (!S_ISFIFO(status.st_mode) && !isatty(fd)) {
		errno = EINVAL;
		return -1;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int sonde_open_unnamed(const char *directory)
{
	return open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
}

bool sonde_write_may_block(int fd)
{
	struct stat status;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || flags & O_NONBLOCK || fstat(fd, &status) < 0)
		return false;
	return S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode);
}

ssize_t sonde_write_now(int fd, const void *bytes, size_t size)
{
	ssize_t sent = send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent >= 0 || errno != ENOTSOCK)
		return sent;
	return write(fd, bytes, size);
}

/* A server that is told to stop may signal its whole process group. A
 * background process group that reads from the terminal gets SIGTTIN, hence
 * /dev/null.
 */
static bool set_apart(int output)
{
	int nothing;

	/* Of the keys that end this process it gets none. */
	if (dup2(output, STDOUT_FILENO) < 0 || setpgid(0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return false;
	if (!isatty(STDIN_FILENO))
		return true;
	nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0;
}

int sonde_start_held(char *const *arguments, int output, int *gate, int *report)
{
	int gates[2], reports[2];
	pid_t pid;
	ssize_t size;
	char byte;

	if (pipe2(gates, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(reports, O_CLOEXEC) < 0) {
		close(gates[0]);
		close(gates[1]);
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		close(gates[1]);
		do {
			size = read(gates[0], &byte, 1);
		} while (size < 0 && errno == EINTR);
		/* Closed without a word, as by the end of who holds it. */
		if (size != 1)
			_exit(127);
		signal(SIGPIPE, SIG_DFL);
		if (output >= 0 && !set_apart(output))
			_exit(126);
		execvp(arguments[0], arguments);
		if (write(reports[1], &errno, sizeof(errno)) < 0)
			_exit(126);
		_exit(127);
	}
	close(gates[0]);
	close(reports[1]);
	*gate = gates[1];
	*report = reports[0];
	return pid;
}

int sonde_exit_status(int pid, bool wait)
{
	siginfo_t info = {};
	int result;

	do {
		result = waitid(P_PID, pid, &info,
				WEXITED | WNOWAIT | (wait ? 0 : WNOHANG));
	} while (result < 0 && errno == EINTR);
	if (result < 0 || !info.si_pid)
		return -1;
	return info.si_code == CLD_EXITED ? info.si_status
					  : 128 + info.si_status;
}

void sonde_adopt_orphans(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

int sonde_mount_tracefs(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return -1;
	/* What the machine mounts from here on is still seen, but not the
	 * other way round. After chroot(2) the root is rarely a mount.
	 */
	if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 &&
	    (errno != EINVAL ||
	     mount("none", "/sys", NULL, MS_REC | MS_SLAVE, NULL) < 0))
		return -1;
	return mount("tracefs", "/sys/kernel/tracing", "tracefs",
		     MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

bool sonde_call_is_about_file(long number)
{
	switch (number) {
	case SYS_read:
	case SYS_write:
	case SYS_pread64:
	case SYS_pwrite64:
	case SYS_readv:
	case SYS_writev:
	case SYS_preadv:
	case SYS_pwritev:
	case SYS_preadv2:
	case SYS_pwritev2:
	case SYS_fsync:
	case SYS_fdatasync:
	case SYS_sync_file_range:
	case SYS_getdents64:
	case SYS_fstat:
	case SYS_ftruncate:
	case SYS_fallocate:
	case SYS_readahead:
	case SYS_close:
		return true;
	default:
		return false;
	}
}

void sonde_keep_heap_small(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

void sonde_trim_heap(void)
{
	malloc_trim(0);
}
