/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

uint64_t content(uint64_t index)
{
	return (index + 1) * 0x9e3779b97f4a7c15ULL;
}

static char *fail(struct sonde_outcome *outcome, const char *call)
{
	outcome->error = errno;
	snprintf(outcome->failed, sizeof(outcome->failed), "%s", call);
	return NULL;
}

static void touch(char *memory, uint64_t size, uint64_t step)
{
	for (uint64_t at = 0; at < size; at += step)
		*(volatile uint64_t *)(memory + at) = content(at / SMALL_PAGE);
}

/* Aligned, for huge pages to fit. */
static char *map_aligned(uint64_t size, int flags)
{
	char *memory = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
			    flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t skip;

	if (memory == MAP_FAILED)
		return NULL;
	skip = -(uint64_t)memory & (HUGE_PAGE - 1);
	if (skip)
		munmap(memory, skip);
	munmap(memory + skip + size, HUGE_PAGE - skip);
	return memory + skip;
}

static int map_kind(uint64_t page)
{
	return MAP_HUGETLB | (int)(__builtin_ctzll(page) << MAP_HUGE_SHIFT);
}

/* Mappings next to each other that differ in nothing would become one. */
static int divide(char *memory, uint64_t size, uint64_t each)
{
	for (uint64_t at = each; at < size; at += 2 * each)
		if (madvise(memory + at, each, MADV_DONTDUMP) < 0)
			return -1;
	return 0;
}

static int collapse(char *memory, uint64_t size, struct sonde_outcome *outcome)
{
	uint64_t begin = now_ns(), last = begin;

	for (uint64_t at = 0; at < size; at += HUGE_PAGE) {
		uint64_t now;

		if (madvise(memory + at, HUGE_PAGE, MADV_COLLAPSE) < 0)
			return -1;
		now = now_ns();
		if (now - last > outcome->longest_collapse_ns)
			outcome->longest_collapse_ns = now - last;
		last = now;
	}
	outcome->collapse_ns = last - begin;
	return 0;
}

/* Of each 2 MiB one page is there before: then no huge page fits, and the
 * largest size below that is permitted is taken.
 */
static int touch_folios(char *memory, uint64_t size)
{
	if (madvise(memory, size, MADV_NOHUGEPAGE) < 0)
		return -1;
	touch(memory, size, HUGE_PAGE);
	if (madvise(memory, size, MADV_HUGEPAGE) < 0)
		return -1;
	touch(memory, size, SMALL_PAGE);
	return 0;
}

/* One mapping of the program's own file, as the dynamic linker makes them. No
 * two get merged: all begin at the same page of the file.
 */
static bool map_part(int file, bool is_written, int protection)
{
	char *part = mmap(NULL, 4 * SMALL_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE, file, 0);

	if (part == MAP_FAILED)
		return false;
	if (is_written)
		*(volatile char *)part = *(volatile char *)part;
	return mprotect(part, 4 * SMALL_PAGE, protection) == 0;
}

bool map_libraries(struct sonde_outcome *outcome)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (file < 0) {
		fail(outcome, "open");
		return false;
	}
	for (int i = 0; i < SONDE_LIBRARIES; i++) {
		/* headers, text, constants, relocated constants, data */
		if (map_part(file, false, PROT_READ) &&
		    map_part(file, false, PROT_READ | PROT_EXEC) &&
		    map_part(file, false, PROT_READ) &&
		    map_part(file, true, PROT_READ) &&
		    map_part(file, true, PROT_READ | PROT_WRITE))
			continue;
		fail(outcome, "mmap");
		close(file);
		return false;
	}
	close(file);
	return true;
}

char *make_memory(const struct sonde_arrangement *arrangement,
		  struct sonde_outcome *outcome)
{
	uint64_t size = arrangement->bytes, begin = now_ns();
	uint32_t layout = arrangement->layout;
	char *memory;

	if (layout == SONDE_LAYOUT_HUGETLB) {
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS |
				      map_kind(arrangement->page),
			      -1, 0);
		if (memory == MAP_FAILED)
			memory = NULL;
	} else {
		memory = map_aligned(size, layout == SONDE_LAYOUT_SHARED
						   ? MAP_SHARED
						   : MAP_PRIVATE);
	}
	if (!memory)
		return fail(outcome, "mmap");
	switch (layout) {
	case SONDE_LAYOUT_HUGETLB:
		break;
	case SONDE_LAYOUT_THP:
		if (madvise(memory, size, MADV_HUGEPAGE) < 0)
			return fail(outcome, "madvise(MADV_HUGEPAGE)");
		break;
	case SONDE_LAYOUT_MTHP:
		if (touch_folios(memory, size) < 0)
			return fail(outcome, "madvise(MADV_HUGEPAGE)");
		break;
	case SONDE_LAYOUT_COLLAPSED:
		break;
	default:
		/* A kernel without huge pages has nothing to refuse either. */
		madvise(memory, size, MADV_NOHUGEPAGE);
	}
	if (layout == SONDE_LAYOUT_MANY &&
	    divide(memory, size, arrangement->page) < 0)
		return fail(outcome, "madvise(MADV_DONTDUMP)");
	if (layout == SONDE_LAYOUT_COLLAPSED) {
		/* As small pages: even where all memory gets huge ones. */
		madvise(memory, size, MADV_NOHUGEPAGE);
		touch(memory, size, SMALL_PAGE);
		outcome->touch_ns = now_ns() - begin;
		if (madvise(memory, size, MADV_HUGEPAGE) < 0)
			return fail(outcome, "madvise(MADV_HUGEPAGE)");
		if (collapse(memory, size, outcome) < 0)
			return fail(outcome, "madvise(MADV_COLLAPSE)");
		return memory;
	}
	touch(memory, size, SMALL_PAGE);
	outcome->touch_ns = now_ns() - begin;
	if (layout == SONDE_LAYOUT_DONTFORK &&
	    madvise(memory, size, MADV_DONTFORK) < 0)
		return fail(outcome, "madvise(MADV_DONTFORK)");
	return memory;
}
