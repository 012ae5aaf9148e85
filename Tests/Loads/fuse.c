/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers of a file whose server, a FUSE file system, has stopped to answer:
 * they wait for its pages in D, but killably.
 */
#include "testload.h"

#include <err.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NODE 2

static char place[] = "/tmp/testload-XXXXXX";

static void answer(int server, const struct fuse_in_header *request,
		   const void *body, size_t size, int error)
{
	char buffer[sizeof(struct fuse_out_header) + 256];
	struct fuse_out_header head = {.len = sizeof(head) + size,
				       .error = error,
				       .unique = request->unique};

	memcpy(buffer, &head, sizeof(head));
	if (size)
		memcpy(buffer + sizeof(head), body, size);
	if (write(server, buffer, head.len) != (ssize_t)head.len)
		err(1, "/dev/fuse");
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.mode = node == FILE_NODE ? S_IFREG | 0444 : S_IFDIR | 0555,
		.nlink = 1,
		.size = node == FILE_NODE ? 1 << 20 : 0,
	};
}

/* Answers all but the reading of the file's pages. */
static void serve(int server)
{
	static char request[FUSE_MIN_READ_BUFFER + 65536];

	while (read(server, request, sizeof(request)) > 0) {
		const struct fuse_in_header *head = (void *)request;
		struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
					     .minor = 31,
					     .max_readahead = 65536,
					     .flags = FUSE_ASYNC_READ,
					     .max_background = 64,
					     .congestion_threshold = 64,
					     .max_write = 65536};
		struct fuse_entry_out entry = {.nodeid = FILE_NODE,
					       .attr = attributes(FILE_NODE)};
		struct fuse_attr_out attr = {.attr = attributes(head->nodeid)};
		/* Else an open throws pages away, which are being read. */
		struct fuse_open_out opened = {.open_flags = FOPEN_KEEP_CACHE};

		switch (head->opcode) {
		case FUSE_INIT:
			answer(server, head, &init, sizeof(init), 0);
			break;
		case FUSE_LOOKUP:
			answer(server, head, &entry, sizeof(entry), 0);
			break;
		case FUSE_GETATTR:
			answer(server, head, &attr, sizeof(attr), 0);
			break;
		case FUSE_OPEN:
			answer(server, head, &opened, sizeof(opened), 0);
			break;
		case FUSE_READ:
		case FUSE_INTERRUPT:
		case FUSE_FORGET:
			break;
		default:
			answer(server, head, NULL, 0, -38 /* ENOSYS */);
		}
	}
	_exit(0);
}

static void read_file(long index, void *context)
{
	char path[64], byte;
	int file;

	(void)index;
	(void)context;
	snprintf(path, sizeof(path), "%s/file", place);
	file = open(path, O_RDONLY);
	if (file < 0)
		err(1, "%s", path);
	arrive();
	if (read(file, &byte, 1) != 1)
		_exit(0);
}

void load_fuse(const long *arguments)
{
	int server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[64];
	struct crew crew;
	pid_t self = getpid(), child;

	if (server < 0)
		err(1, "/dev/fuse");
	if (!mkdtemp(place))
		err(1, "%s", place);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0", server);
	if (mount("silent", place, "fuse", 0, options))
		err(1, "mount");
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		die_with_parent(self);
		serve(server);
	}
	close(server);
	crew = start_children(arguments[0], read_file, NULL);
	for (long i = 0; i < crew.count; i++)
		await_state(crew.ids[i], crew.ids[i], 'D');
	say_ready();
	say_ids(crew.ids, crew.count);
	wait_for_end();
	/* Without its server the file system ends all that is waited for. */
	kill_all(&child, 1);
	kill_all(crew.ids, crew.count);
	reap_children();
	umount2(place, MNT_DETACH);
	rmdir(place);
}
