/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that moves its memory to and fro, all the time with its mmap_lock,
 * and others that want to read its command line, as ps does.
 */
#include "testload.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define SIZE (64UL << 20)

/* Between addresses of which only one is aligned, so that no page table can be
 * moved as a whole: move_page_tables() in mm/mremap.c.
 */
static void move(void)
{
	char *area = mmap(NULL, 4 * SIZE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *places[2], *memory;

	if (area == MAP_FAILED)
		err(1, "mmap");
	places[0] = area + (-(uintptr_t)area & (2 * 1024 * 1024 - 1));
	places[1] = places[0] + 2 * SIZE + PAGE;
	memory = mmap(places[0], SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "mmap");
	madvise(memory, SIZE, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < SIZE; i += PAGE)
		memory[i] = 1;
	arrive();
	for (int i = 1;; i = !i)
		if (mremap(places[!i], SIZE, SIZE,
			   MREMAP_MAYMOVE | MREMAP_FIXED,
			   places[i]) == MAP_FAILED)
			err(1, "mremap");
}

static void look(pid_t process)
{
	static char text[65536];
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", process);
	arrive();
	for (;;) {
		int file = open(path, O_RDONLY | O_CLOEXEC);

		if (file < 0 || read(file, text, sizeof(text)) < 0)
			_exit(0);
		close(file);
		nap_us(1000);
	}
}

static void take_part(long index, void *context)
{
	volatile pid_t *mover = context;

	if (index == 0) {
		*mover = getpid();
		move();
	}
	while (*mover == 0)
		nap_us(1000);
	look(*mover);
}

/* The first of the ids is the one that moves; N look. */
void load_mover(const long *arguments)
{
	volatile pid_t *mover = share(sizeof(*mover));
	struct crew crew =
		start_children(arguments[0] + 1, take_part, (void *)mover);

	run_children(&crew);
}
