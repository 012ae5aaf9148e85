/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is needed of libelf: functions, executable segments and the build id of
 * a file that may hold anything. Nothing is mapped: a file that another
 * truncates meanwhile gives errors, not SIGBUS.
 */
#ifndef CELF_H
#define CELF_H

#include <stddef.h>
#include <stdint.h>

struct sonde_elf;

/* A program or a shared library; NULL where the file is neither. `fd` stays
 * with the caller, open until sonde_elf_close().
 */
struct sonde_elf *sonde_elf_open(int fd);
void sonde_elf_close(struct sonde_elf *elf);

/* An executable PT_LOAD. */
struct sonde_elf_segment {
	uint64_t offset; /* in the file */
	uint64_t size;	 /* in the file */
	uint64_t address;
};

/* Whether there is another one. */
int sonde_elf_next_segment(struct sonde_elf *elf,
			   struct sonde_elf_segment *segment);

struct sonde_elf_symbol {
	uint64_t address;
	uint64_t size; /* 0 where the file doesn't say */
	/* where the section ends that it lies in; 0 where that is unknown */
	uint64_t section_end;
	/* ends with a zero; lives as long as the file is open */
	const char *name;
	int is_weak;
	int is_local;
	/* a label of assembly code (STT_NOTYPE), maybe within a function */
	int is_label;
	/* from .dynsym, which leaves out what isn't exported */
	int is_dynamic;
};

/* Whether there is another one: a function of .symtab or .dynsym. */
int sonde_elf_next_symbol(struct sonde_elf *elf,
			  struct sonde_elf_symbol *symbol);

/* Copies the build id, at most `size` bytes, and returns how long it is; 0 for
 * none.
 */
size_t sonde_elf_build_id(struct sonde_elf *elf, unsigned char *id,
			  size_t size);

#endif
