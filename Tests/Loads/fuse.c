/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system whose server, in FUSE, does not answer to what takes long: to
 * read, to make a folder, to rename. Readers of its file wait for pages in D,
 * but killably; who makes a folder or renames waits in S, with the locks of the
 * folders.
 */
#include "testload.h"

#include <err.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum node { ROOT_NODE = 1, FILE_NODE, FIRST_FOLDER_NODE, SECOND_FOLDER_NODE };

static char place[] = "/tmp/testload-XXXXXX";
static pid_t server_id;

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
		.mode = node == FILE_NODE ? S_IFREG | 0444 : S_IFDIR | 0755,
		.nlink = 1,
		.size = node == FILE_NODE ? 1 << 20 : 0,
	};
}

/* "file", "a", "b"; and in the folders "file" again. 0 for what isn't there. */
static uint64_t node_of(uint64_t parent, const char *name)
{
	if (strcmp(name, "file") == 0)
		return FILE_NODE;
	if (parent != ROOT_NODE || name[1])
		return 0;
	return name[0] == 'a'	? FIRST_FOLDER_NODE
	       : name[0] == 'b' ? SECOND_FOLDER_NODE
				: 0;
}

/* Answers all but the three. */
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
		uint64_t node =
			head->opcode == FUSE_LOOKUP
				? node_of(head->nodeid, (char *)(head + 1))
				: 0;
		struct fuse_entry_out entry = {.nodeid = node,
					       .entry_valid = 3600,
					       .attr = attributes(node)};
		struct fuse_attr_out attr = {.attr = attributes(head->nodeid)};
		/* Else an open throws pages away, which are being read. */
		struct fuse_open_out opened = {.open_flags = FOPEN_KEEP_CACHE};

		switch (head->opcode) {
		case FUSE_INIT:
			answer(server, head, &init, sizeof(init), 0);
			break;
		case FUSE_LOOKUP:
			if (node)
				answer(server, head, &entry, sizeof(entry), 0);
			else
				answer(server, head, NULL, 0, -2 /* ENOENT */);
			break;
		case FUSE_GETATTR:
			answer(server, head, &attr, sizeof(attr), 0);
			break;
		case FUSE_OPEN:
			answer(server, head, &opened, sizeof(opened), 0);
			break;
		case FUSE_READ:
		case FUSE_MKDIR:
		case FUSE_RENAME:
		case FUSE_RENAME2:
		case FUSE_INTERRUPT:
		case FUSE_FORGET:
			break;
		default:
			answer(server, head, NULL, 0, -38 /* ENOSYS */);
		}
	}
	_exit(0);
}

static int open_file(void)
{
	char path[64];
	int file;

	snprintf(path, sizeof(path), "%s/file", place);
	file = open(path, O_RDONLY);
	if (file < 0)
		err(1, "%s", path);
	return file;
}

static void read_file(long index, void *context)
{
	int file = open_file();
	char byte;

	(void)index;
	(void)context;
	arrive();
	if (read(file, &byte, 1) != 1)
		_exit(0);
}

/* Where it is mounted. */
static const char *mount_it(void)
{
	int server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	pid_t self = getpid();
	char options[64];

	if (server < 0)
		err(1, "/dev/fuse");
	if (!mkdtemp(place))
		err(1, "%s", place);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0", server);
	if (mount("silent", place, "fuse", 0, options))
		err(1, "mount");
	server_id = fork();
	if (server_id < 0)
		err(1, "fork");
	if (server_id == 0) {
		die_with_parent(self);
		serve(server);
	}
	close(server);
	return place;
}

/* Without its server it ends all that is waited for. */
static void unmount(void)
{
	kill_all(&server_id, 1);
	umount2(place, MNT_DETACH);
	rmdir(place);
}

/* N readers. */
void load_fuse(const long *arguments)
{
	struct crew crew;

	mount_it();
	crew = start_children(arguments[0], read_file, NULL);
	for (long i = 0; i < crew.count; i++)
		await_state(crew.ids[i], crew.ids[i], 'D');
	say_ready();
	say_ids(crew.ids, crew.count);
	wait_for_end();
	kill_all(crew.ids, crew.count);
	unmount();
	reap_children();
}

static void make_folder(long index, void *context)
{
	char path[64];

	(void)context;
	snprintf(path, sizeof(path), "%s/a/new%ld", place, index);
	arrive();
	mkdir(path, 0755);
}

static void move_file(long index, void *context)
{
	char from[64], to[64];

	(void)context;
	snprintf(from, sizeof(from), "%s/a/file", place);
	snprintf(to, sizeof(to), "%s/b/new%ld", place, index);
	arrive();
	rename(from, to);
}

static pid_t start_child(member_body *body, long index)
{
	pid_t self = getpid(), child = fork();

	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		die_with_parent(self);
		body(index, NULL);
		_exit(0);
	}
	return child;
}

/* One makes a folder, with the parent folder's lock, and N others want that
 * lock. Where there is a second argument they want to move a file from there:
 * the first of them gets the file system's mutex for that and waits for the
 * folder's lock, the others wait for the mutex. The ids: who makes the folder,
 * then those who wait.
 */
void load_holders(const long *arguments)
{
	long count = arguments[0];
	pid_t *ids = allocate(count + 1, sizeof(*ids));
	member_body *body = arguments[1] > 0 ? move_file : make_folder;
	char path[64];

	prepare_rendezvous();
	mount_it();
	/* What is known of the folders is not asked for again. */
	snprintf(path, sizeof(path), "%s/a/file", place);
	if (access(path, F_OK))
		err(1, "%s", path);
	ids[0] = start_child(make_folder, 0);
	await_state(ids[0], ids[0], 'S');
	nap_us(100000);
	for (long i = 1; i <= count; i++) {
		ids[i] = start_child(body, i);
		await_state(ids[i], ids[i], 'D');
	}
	say_ready();
	say_ids(ids, count + 1);
	wait_for_end();
	kill_all(ids, count + 1);
	unmount();
	reap_children();
}

static void *mapped;

/* Maps the file, and once another one reads from there wants one more mapping.
 */
static void map_file(long index, void *context)
{
	(void)index;
	(void)context;
	/* Where the others know that it is. */
	if (mmap(mapped, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, open_file(),
		 0) == MAP_FAILED)
		err(1, "mmap");
	raise(SIGSTOP);
	mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static pid_t owner;

static void read_of_owner(const char *name, off_t at)
{
	char path[64], byte;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/%s", owner, name);
	file = open(path, O_RDONLY);
	if (file < 0)
		err(1, "%s", path);
	if (pread(file, &byte, 1, at) != 1)
		_exit(0);
}

/* As a debugger does: with the mmap_lock of the process. */
static void read_memory(long index, void *context)
{
	(void)index;
	(void)context;
	read_of_owner("mem", (off_t)(uintptr_t)mapped);
}

static void read_command_line(long index, void *context)
{
	(void)index;
	(void)context;
	read_of_owner("cmdline", 0);
}

/* One reads a page of another one's memory that the silent server does not
 * bring, with its mmap_lock. The other one wants to map more, and N want to
 * read its command line, as ps does. The ids: who reads the page, who maps, the
 * others.
 */
void load_debugger(const long *arguments)
{
	long count = arguments[0];
	pid_t *ids = allocate(count + 2, sizeof(*ids));

	mount_it();
	mapped =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapped == MAP_FAILED)
		err(1, "mmap");
	ids[1] = owner = start_child(map_file, 0);
	await_state(owner, owner, 'T');
	ids[0] = start_child(read_memory, 0);
	await_sleep(ids[0], ids[0]);
	nap_us(100000);
	kill(owner, SIGCONT);
	await_state(owner, owner, 'D');
	for (long i = 2; i < count + 2; i++) {
		ids[i] = start_child(read_command_line, i);
		await_state(ids[i], ids[i], 'D');
	}
	say_ready();
	say_ids(ids, count + 2);
	wait_for_end();
	kill_all(ids, count + 2);
	unmount();
	reap_children();
}
