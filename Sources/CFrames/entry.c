/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of .eh_frame: Linux Standard Base, 10.6.1. */
#include "frames.h"

#include <string.h>

#define MOST_ENTRY 65536

/* A common information entry, or a frame description entry: what follows its
 * length. False at the section's end, and for what is damaged or too long.
 */
static bool read_body(const struct sonde_frames *frames, uint64_t address,
		      struct reader *body)
{
	struct reader reader;
	uint64_t length;

	if (!reader_at(frames, address, &reader))
		return false;
	length = read_fixed(&reader, 4);
	/* The 64-bit form begins with 0xffffffff. */
	if (reader.failed || length == 0 || length > MOST_ENTRY)
		return false;
	*body = read_block(&reader, length);
	return !body->failed;
}

static bool read_augmentation(const char *letters, struct reader *data,
			      struct entry *entry)
{
	for (; *letters; letters++) {
		switch (*letters) {
		case 'R':
			entry->pointer_encoding = read_fixed(data, 1);
			break;
		case 'P':
			read_pointer(data, read_fixed(data, 1) & 0xf, true);
			break;
		case 'L':
			read_fixed(data, 1);
			break;
		case 'S':
			entry->is_signal_frame = true;
			break;
		default:
			/* The rest can't be read without knowing it. */
			return false;
		}
	}
	return !data->failed;
}

static bool read_shared(const struct sonde_frames *frames, uint64_t address,
			struct entry *entry, bool *has_data)
{
	char letters[8] = "";
	struct reader body;
	uint64_t version, return_register;
	size_t count = 0;

	if (!read_body(frames, address, &body) || read_fixed(&body, 4) != 0)
		return false;
	version = read_fixed(&body, 1);
	if (version != 1 && version != 3)
		return false;
	do {
		if (count == sizeof(letters))
			return false;
		letters[count] = (char)read_fixed(&body, 1);
	} while (letters[count++]);
	entry->code_alignment = read_uleb(&body);
	entry->data_alignment = read_sleb(&body);
	return_register =
		version == 1 ? read_fixed(&body, 1) : read_uleb(&body);
	if (body.failed || return_register != SONDE_FRAME_IP)
		return false;
	*has_data = letters[0] == 'z';
	if (*has_data) {
		struct reader data = read_block(&body, read_uleb(&body));

		if (data.failed ||
		    !read_augmentation(letters + 1, &data, entry))
			return false;
	} else if (letters[0]) {
		return false;
	}
	entry->shared = body;
	return true;
}

bool read_entry(const struct sonde_frames *frames, uint64_t entry_address,
		struct entry *entry, uint64_t *behind)
{
	struct reader body;
	uint64_t place, distance;
	bool has_data;

	memset(entry, 0, sizeof(*entry));
	*behind = 0;
	if (!read_body(frames, entry_address, &body))
		return false;
	place = body.address;
	*behind = place + (uint64_t)(body.end - body.at);
	distance = read_fixed(&body, 4);
	if (distance == 0 || distance > place ||
	    !read_shared(frames, place - distance, entry, &has_data))
		return false;
	entry->begin = read_pointer(&body, entry->pointer_encoding, false);
	entry->length = read_pointer(&body, entry->pointer_encoding, true);
	if (has_data)
		skip(&body, read_uleb(&body));
	entry->own = body;
	return !body.failed;
}
