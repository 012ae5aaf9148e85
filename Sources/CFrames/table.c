/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search table of files that have none, as GCC's static programs: made of
 * .eh_frame, which only their section headers name.
 */
#include "frames.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = ".eh_frame";

static bool read_section(int fd, const Elf64_Ehdr *file, unsigned int index,
			 Elf64_Shdr *section)
{
	return file->e_shoff <= INT64_MAX / 2 &&
	       read_bytes(fd, section, sizeof(*section),
			  file->e_shoff + index * sizeof(*section));
}

static bool has_name(int fd, const Elf64_Shdr *names, const Elf64_Shdr *section)
{
	char bytes[sizeof(name)];

	return names->sh_offset <= INT64_MAX / 2 &&
	       read_bytes(fd, bytes, sizeof(bytes),
			  names->sh_offset + section->sh_name) &&
	       !memcmp(bytes, name, sizeof(name));
}

static bool find_info(int fd, struct sonde_frames *frames)
{
	Elf64_Ehdr file;
	Elf64_Shdr names, section;

	if (!read_bytes(fd, &file, sizeof(file), 0) ||
	    file.e_shentsize != sizeof(section) ||
	    file.e_shnum > MOST_HEADERS ||
	    !read_section(fd, &file, file.e_shstrndx, &names))
		return false;
	for (unsigned int i = 0; i < file.e_shnum; i++) {
		if (!read_section(fd, &file, i, &section))
			return false;
		if ((section.sh_flags & SHF_ALLOC) &&
		    section.sh_type != SHT_NOBITS &&
		    has_name(fd, &names, &section))
			return read_part(fd, section.sh_offset, section.sh_size,
					 section.sh_addr, &frames->info);
	}
	return false;
}

static bool add(struct part *table, size_t *room, const struct place *place)
{
	if (table->length + sizeof(*place) > *room) {
		uint8_t *bytes = realloc(table->bytes, 2 * *room);

		if (!bytes)
			return false;
		table->bytes = bytes;
		*room *= 2;
	}
	memcpy(table->bytes + table->length, place, sizeof(*place));
	table->length += sizeof(*place);
	return true;
}

static int compare(const void *one, const void *other)
{
	const struct place *a = one, *b = other;

	return (a->begin > b->begin) - (a->begin < b->begin);
}

bool make_table(int fd, struct sonde_frames *frames)
{
	struct part *table = &frames->table;
	uint64_t address, behind;
	size_t room = 4096;

	if (!find_info(fd, frames))
		return false;
	table->bytes = calloc(1, room);
	if (!table->bytes)
		return false;
	table->length = TABLE_HEADER;
	table->address = frames->info.address;
	for (address = table->address;; address = behind) {
		struct entry entry;
		bool is_function = read_entry(frames, address, &entry, &behind);
		int64_t begin = (int64_t)(entry.begin - table->address);
		struct place place = {
			.begin = (int32_t)begin,
			.entry = (int32_t)(address - table->address),
		};

		if (!behind)
			break;
		if (is_function && begin == place.begin &&
		    !add(table, &room, &place))
			return false;
	}
	frames->entries = (table->length - TABLE_HEADER) / sizeof(struct place);
	qsort(table->bytes + TABLE_HEADER, frames->entries,
	      sizeof(struct place), compare);
	return frames->entries > 0;
}
