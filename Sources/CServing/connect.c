/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CServing.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* 0, or an error number. */
static int connect_within(int fd, const struct addrinfo *place, int timeout_ms)
{
	struct pollfd polled = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int error = 0;

	if (!connect(fd, place->ai_addr, place->ai_addrlen))
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&polled, 1, timeout_ms) <= 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
		return errno;
	return error;
}

int sonde_connect(const char *host, const char *port, int timeout_ms,
		  char *error, size_t size)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC,
				       .ai_socktype = SOCK_STREAM};
	const struct timeval patience = {.tv_sec = timeout_ms / 1000,
					 .tv_usec = timeout_ms % 1000 * 1000};
	struct addrinfo *places;
	const int found = getaddrinfo(host, port, &hints, &places);
	int last = ECONNREFUSED;

	if (found) {
		snprintf(error, size, "%s", gai_strerror(found));
		return -1;
	}
	for (struct addrinfo *at = places; at; at = at->ai_next) {
		const int fd =
			socket(at->ai_family,
			       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			       at->ai_protocol);

		if (fd < 0) {
			last = errno;
			continue;
		}
		last = connect_within(fd, at, timeout_ms);
		if (!last &&
		    !fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) &&
		    !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				sizeof(patience)) &&
		    !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
				sizeof(patience))) {
			freeaddrinfo(places);
			return fd;
		}
		close(fd);
	}
	freeaddrinfo(places);
	snprintf(error, size, "%s", strerror(last));
	return -1;
}
