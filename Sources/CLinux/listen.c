/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(int fd)
{
	const int error = errno;

	close(fd);
	errno = error;
	return -1;
}

int sonde_listen(const char *address, uint16_t port, uint16_t *actual)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} place = {0};
	socklen_t length;
	const int on = 1;
	int fd;

	if (inet_pton(AF_INET, address, &place.v4.sin_addr) == 1) {
		place.v4.sin_family = AF_INET;
		place.v4.sin_port = htons(port);
		length = sizeof(place.v4);
	} else if (inet_pton(AF_INET6, address, &place.v6.sin6_addr) == 1) {
		place.v6.sin6_family = AF_INET6;
		place.v6.sin6_port = htons(port);
		length = sizeof(place.v6);
	} else {
		errno = EINVAL;
		return -1;
	}
	fd = socket(place.any.sa_family,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, &place.any, length) || listen(fd, 64) ||
	    getsockname(fd, &place.any, &length))
		return fail(fd);
	*actual = ntohs(place.any.sa_family == AF_INET ? place.v4.sin_port
						       : place.v6.sin6_port);
	return fd;
}

int sonde_accept(int listener)
{
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int sonde_is_loopback(const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &v6) == 1
		       ? IN6_IS_ADDR_LOOPBACK(&v6)
		       : -1;
}
