/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that send datagrams to this machine itself, whose softirqs do most
 * of the work.
 */
#include "testload.h"

#include <arpa/inet.h>
#include <err.h>
#include <sys/socket.h>

struct flood {
	long cpu;
	/* never read from: once its queue is full, datagrams are dropped */
	struct sockaddr_in sink;
};

static void send_all(long index, void *context)
{
	const struct flood *flood = context;
	char message[512] = {0};
	int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)index;
	if (socket_fd < 0 ||
	    connect(socket_fd, (const struct sockaddr *)&flood->sink,
		    sizeof(flood->sink)))
		err(1, "socket");
	pin(flood->cpu);
	arrive_at_gate();
	for (;;)
		send(socket_fd, message, sizeof(message), 0);
}

void load_flood(const long *arguments)
{
	struct flood flood = {
		.cpu = arguments[1],
		.sink = {.sin_family = AF_INET,
			 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
	};
	socklen_t size = sizeof(flood.sink);
	int sink = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct crew crew;

	if (sink < 0 || bind(sink, (struct sockaddr *)&flood.sink, size) ||
	    getsockname(sink, (struct sockaddr *)&flood.sink, &size))
		err(1, "socket");
	crew = start_children(arguments[0], send_all, &flood);
	run_children(&crew);
}
