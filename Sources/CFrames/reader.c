/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

uint64_t read_fixed(struct reader *reader, size_t size)
{
	uint64_t value = 0;

	if ((size_t)(reader->end - reader->at) < size) {
		reader->failed = true;
		return 0;
	}
	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)reader->at[i] << (8 * i);
	reader->at += size;
	reader->address += size;
	return value;
}

/* So many bytes hold 64 bits; what goes on may do so for long. */
#define MOST_LEB 10

uint64_t read_uleb(struct reader *reader)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < MOST_LEB; i++) {
		uint8_t byte = read_fixed(reader, 1);

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (reader->failed || !(byte & 0x80))
			return value;
	}
	reader->failed = true;
	return value;
}

int64_t read_sleb(struct reader *reader)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < MOST_LEB; i++) {
		unsigned int shift = 7 * (i + 1);
		uint8_t byte = read_fixed(reader, 1);

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (reader->failed || !(byte & 0x80)) {
			if (shift < 64 && (byte & 0x40))
				value |= ~0ULL << shift;
			return (int64_t)value;
		}
	}
	reader->failed = true;
	return (int64_t)value;
}

void skip(struct reader *reader, uint64_t size)
{
	if ((uint64_t)(reader->end - reader->at) < size) {
		reader->failed = true;
		return;
	}
	reader->at += size;
	reader->address += size;
}

struct reader read_block(struct reader *reader, uint64_t size)
{
	struct reader block = *reader;

	skip(reader, size);
	block.failed = reader->failed;
	block.end = reader->failed ? block.at : reader->at;
	return block;
}

static uint64_t read_sized(struct reader *reader, uint8_t format)
{
	switch (format) {
	case 0x0: /* absptr */
	case 0x4: /* udata8 */
	case 0xc: /* sdata8 */
		return read_fixed(reader, 8);
	case 0x1:
		return read_uleb(reader);
	case 0x2:
		return read_fixed(reader, 2);
	case 0x3:
		return read_fixed(reader, 4);
	case 0x9:
		return (uint64_t)read_sleb(reader);
	case 0xa:
		return (uint64_t)(int64_t)(int16_t)read_fixed(reader, 2);
	case 0xb:
		return (uint64_t)(int64_t)(int32_t)read_fixed(reader, 4);
	}
	reader->failed = true;
	return 0;
}

uint64_t read_pointer(struct reader *reader, uint8_t encoding, bool as_length)
{
	uint64_t place = reader->address;
	uint64_t value = read_sized(reader, encoding & 0xf);

	if (as_length)
		return value;
	switch (encoding & 0xf0) {
	case 0x00: /* absptr */
		return value;
	case 0x10: /* pcrel */
		return place + value;
	}
	reader->failed = true;
	return 0;
}
