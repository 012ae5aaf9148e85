/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define MOST_BYTES (64U << 20)

bool read_bytes(int fd, void *bytes, size_t length, uint64_t offset)
{
	size_t done = 0;

	if (offset > INT64_MAX - length)
		return false;
	while (done < length) {
		ssize_t count = pread(fd, (uint8_t *)bytes + done,
				      length - done, (off_t)(offset + done));

		if (count <= 0)
			return false;
		done += (size_t)count;
	}
	return true;
}

bool read_part(int fd, uint64_t offset, uint64_t length, uint64_t address,
	       struct part *part)
{
	if (length == 0 || length > MOST_BYTES)
		return false;
	part->bytes = malloc(length);
	if (!part->bytes || !read_bytes(fd, part->bytes, length, offset))
		return false;
	part->length = length;
	part->address = address;
	return true;
}

static bool part_at(const struct part *part, uint64_t address,
		    struct reader *reader)
{
	if (address - part->address >= part->length)
		return false;
	*reader = (struct reader){
		.at = part->bytes + (address - part->address),
		.end = part->bytes + part->length,
		.address = address,
	};
	return true;
}

bool reader_at(const struct sonde_frames *frames, uint64_t address,
	       struct reader *reader)
{
	return part_at(&frames->info, address, reader);
}

static void add_segment(struct sonde_frames *frames, const Elf64_Phdr *header)
{
	if (frames->segments < MOST_SEGMENTS)
		frames->segment[frames->segments++] = (struct segment){
			.offset = header->p_offset,
			.size = header->p_filesz,
			.address = header->p_vaddr,
			.is_executable = header->p_flags & PF_X,
		};
}

/* Segments; and the search table, which is empty where there is none. */
static bool read_headers(int fd, struct sonde_frames *frames)
{
	Elf64_Ehdr file;
	Elf64_Phdr header;

	if (!read_bytes(fd, &file, sizeof(file), 0) ||
	    memcmp(file.e_ident, ELFMAG, SELFMAG) ||
	    file.e_ident[EI_CLASS] != ELFCLASS64 ||
	    file.e_machine != EM_X86_64 || file.e_phentsize != sizeof(header) ||
	    file.e_phnum > MOST_HEADERS)
		return false;
	for (unsigned int i = 0; i < file.e_phnum; i++) {
		if (file.e_phoff > INT64_MAX / 2 ||
		    !read_bytes(fd, &header, sizeof(header),
				file.e_phoff + i * sizeof(header)))
			return false;
		if (header.p_type == PT_LOAD)
			add_segment(frames, &header);
		else if (header.p_type == PT_GNU_EH_FRAME &&
			 !frames->table.bytes &&
			 !read_part(fd, header.p_offset, header.p_filesz,
				    header.p_vaddr, &frames->table))
			return false;
	}
	return true;
}

/* Where .eh_frame lies, and how many entries the table has. The encodings are
 * those that ld, gold, lld and mold write.
 */
static bool read_table_header(struct sonde_frames *frames, uint64_t *info)
{
	struct reader reader;
	uint8_t table_encoding;

	if (!part_at(&frames->table, frames->table.address, &reader) ||
	    read_fixed(&reader, 1) != 1)
		return false;
	/* pcrel sdata4, udata4, datarel sdata4 */
	if (read_fixed(&reader, 1) != 0x1b || read_fixed(&reader, 1) != 0x03)
		return false;
	table_encoding = read_fixed(&reader, 1);
	*info = read_pointer(&reader, 0x1b, false);
	frames->entries = read_fixed(&reader, 4);
	return table_encoding == 0x3b && !reader.failed &&
	       frames->entries <= (frames->table.length - TABLE_HEADER) /
					  sizeof(struct place);
}

/* .eh_frame up to its segment's end: where it ends itself only the section
 * headers say, which may be gone.
 */
static bool read_info(int fd, struct sonde_frames *frames, uint64_t address)
{
	for (size_t i = 0; i < frames->segments; i++) {
		const struct segment *segment = &frames->segment[i];
		uint64_t place = address - segment->address;
		uint64_t length = segment->size - place;

		if (place < segment->size)
			return read_part(fd, segment->offset + place,
					 length < MOST_BYTES ? length
							     : MOST_BYTES,
					 address, &frames->info);
	}
	return false;
}

struct sonde_frames *sonde_frames_open(int fd)
{
	struct sonde_frames *frames = calloc(1, sizeof(*frames));
	uint64_t info;
	bool is_there;

	if (!frames)
		return NULL;
	is_there = read_headers(fd, frames);
	if (is_there && frames->table.bytes)
		is_there = read_table_header(frames, &info) &&
			   read_info(fd, frames, info);
	else if (is_there)
		is_there = make_table(fd, frames);
	if (is_there)
		return frames;
	sonde_frames_close(frames);
	return NULL;
}

void sonde_frames_close(struct sonde_frames *frames)
{
	free(frames->table.bytes);
	free(frames->info.bytes);
	free(frames);
}

size_t sonde_frames_size(const struct sonde_frames *frames)
{
	return sizeof(*frames) + frames->table.length + frames->info.length;
}

static struct place place_at(const struct sonde_frames *frames, size_t index)
{
	struct place place;

	memcpy(&place,
	       frames->table.bytes + TABLE_HEADER + sizeof(place) * index,
	       sizeof(place));
	return place;
}

/* The last entry that begins at or below the address. */
static bool find_entry(const struct sonde_frames *frames, uint64_t address,
		       uint64_t *entry)
{
	size_t low = 0, high = frames->entries;
	uint64_t base = frames->table.address;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (base + (uint64_t)(int64_t)place_at(frames, middle).begin <=
		    address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	*entry = base + (uint64_t)(int64_t)place_at(frames, low - 1).entry;
	return true;
}

static bool address_of(const struct sonde_frames *frames, uint64_t offset,
		       uint64_t *address)
{
	for (size_t i = 0; i < frames->segments; i++) {
		const struct segment *segment = &frames->segment[i];

		if (segment->is_executable &&
		    offset - segment->offset < segment->size) {
			*address = offset - segment->offset + segment->address;
			return true;
		}
	}
	return false;
}

/* False where the value can't be had. */
static bool apply(const struct rule *rule, const struct evaluation *evaluation,
		  uint64_t cfa, int number, uint64_t *value)
{
	const struct sonde_frame *frame = evaluation->frame;
	uint64_t place;

	switch (rule->kind) {
	case RULE_SAME:
		*value = frame->registers[number];
		return frame->known & 1U << number;
	case RULE_UNDEFINED:
		return false;
	case RULE_OFFSET:
		return read_word(evaluation->memory,
				 cfa + (uint64_t)rule->number, value);
	case RULE_VAL_OFFSET:
		*value = cfa + (uint64_t)rule->number;
		return true;
	case RULE_REGISTER:
		if (rule->number < 0 || rule->number >= SONDE_FRAME_REGISTERS)
			return false;
		*value = frame->registers[rule->number];
		return frame->known & 1U << rule->number;
	case RULE_EXPRESSION:
		return evaluate(rule->expression, evaluation, &cfa, &place) &&
		       read_word(evaluation->memory, place, value);
	case RULE_VAL_EXPRESSION:
		return evaluate(rule->expression, evaluation, &cfa, value);
	}
	return false;
}

static bool find_cfa(const struct rules *rules,
		     const struct evaluation *evaluation, uint64_t *cfa)
{
	if (rules->cfa.kind == RULE_VAL_EXPRESSION)
		return evaluate(rules->cfa.expression, evaluation, NULL, cfa);
	if (!apply(&rules->cfa, evaluation, 0, 0, cfa))
		return false;
	*cfa += (uint64_t)rules->cfa_offset;
	return true;
}

static bool is_beyond(const struct rule *rule, uint64_t cfa,
		      const struct sonde_memory *memory)
{
	uint64_t place = cfa + (uint64_t)rule->number;

	return rule->kind == RULE_OFFSET && place >= memory->start &&
	       place - memory->start >= memory->length;
}

int sonde_frames_step(const struct sonde_frames *frames, uint64_t offset,
		      struct sonde_frame *frame,
		      const struct sonde_memory *memory)
{
	struct evaluation evaluation = {.frame = frame, .memory = memory};
	struct sonde_frame caller = {.known = 0};
	struct entry entry;
	struct rules rules;
	uint64_t address, place, behind, cfa;

	/* A return address may be the first byte of another function. */
	if (!address_of(frames, offset - (frame->is_return ? 1 : 0),
			&address) ||
	    !find_entry(frames, address, &place) ||
	    !read_entry(frames, place, &entry, &behind) ||
	    address - entry.begin >= entry.length)
		return SONDE_FRAMES_NONE;
	if (!find_rules(&entry, address, &rules) ||
	    !find_cfa(&rules, &evaluation, &cfa))
		return SONDE_FRAMES_END;
	for (int i = 0; i < SONDE_FRAME_REGISTERS; i++) {
		if (apply(&rules.registers[i], &evaluation, cfa, i,
			  &caller.registers[i]))
			caller.known |= 1U << i;
	}
	if (!(caller.known & 1U << SONDE_FRAME_IP))
		return is_beyond(&rules.registers[SONDE_FRAME_IP], cfa, memory)
			       ? SONDE_FRAMES_BEYOND
			       : SONDE_FRAMES_END;
	caller.is_return = !entry.is_signal_frame;
	*frame = caller;
	return SONDE_FRAMES_STEPPED;
}
