/* SPDX-License-Identifier: Apache-2.0 */
/* What the files here share. */
#ifndef FRAMES_H
#define FRAMES_H

#include "CFrames.h"

#include <stdbool.h>

#define MOST_HEADERS 512
#define MOST_SEGMENTS 16

struct segment {
	uint64_t offset; /* in the file */
	uint64_t size;
	uint64_t address;
	bool is_executable;
};

/* A part of the file. */
struct part {
	uint8_t *bytes;
	size_t length;
	uint64_t address;
};

struct sonde_frames {
	size_t segments;
	struct segment segment[MOST_SEGMENTS];
	/* .eh_frame_hdr or what table.c makes, and .eh_frame */
	struct part table;
	struct part info;
	size_t entries;
};

/* The table: a header, then by address where functions begin and their entries
 * in .eh_frame are, relative to the table.
 */
#define TABLE_HEADER 12

struct place {
	int32_t begin;
	int32_t entry;
};

bool read_bytes(int fd, void *bytes, size_t length, uint64_t offset);
bool read_part(int fd, uint64_t offset, uint64_t length, uint64_t address,
	       struct part *part);

/* table.c */
bool make_table(int fd, struct sonde_frames *frames);

/* Bytes that are read one after the other. Reading beyond them gives 0, and
 * sets failed.
 */
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	/* of *at, in the file's address space */
	uint64_t address;
	bool failed;
};

uint64_t read_fixed(struct reader *reader, size_t size);
uint64_t read_uleb(struct reader *reader);
int64_t read_sleb(struct reader *reader);
void skip(struct reader *reader, uint64_t size);
/* The next bytes as a reader of their own, which are skipped. */
struct reader read_block(struct reader *reader, uint64_t size);
/* A pointer, encoded as DW_EH_PE_* says; as_length: without what it is relative
 * to.
 */
uint64_t read_pointer(struct reader *reader, uint8_t encoding, bool as_length);

#define DW_EH_PE_OMIT 0xff

/* What is said of a function: entry.c. */
struct entry {
	struct reader shared; /* instructions of all with the same CIE */
	struct reader own;    /* and its own */
	uint64_t begin;
	uint64_t length;
	uint64_t code_alignment;
	int64_t data_alignment;
	uint8_t pointer_encoding;
	bool is_signal_frame;
};

/* False where it says nothing of a function, or is damaged. `behind`: where the
 * next begins; 0 at the section's end.
 */
bool read_entry(const struct sonde_frames *frames, uint64_t entry_address,
		struct entry *entry, uint64_t *behind);
/* A reader for .eh_frame. */
bool reader_at(const struct sonde_frames *frames, uint64_t address,
	       struct reader *reader);

/* Where the caller's registers are: rules.c. */
enum rule_kind {
	RULE_SAME,
	RULE_UNDEFINED,
	RULE_OFFSET,	 /* saved so far from the CFA */
	RULE_VAL_OFFSET, /* so far from the CFA itself */
	RULE_REGISTER,
	RULE_EXPRESSION, /* saved where that says */
	RULE_VAL_EXPRESSION,
};

struct rule {
	enum rule_kind kind;
	int64_t number;
	struct reader expression;
};

struct rules {
	struct rule registers[SONDE_FRAME_REGISTERS];
	/* RULE_REGISTER with an offset, or RULE_VAL_EXPRESSION */
	struct rule cfa;
	int64_t cfa_offset;
};

bool find_rules(const struct entry *entry, uint64_t address,
		struct rules *rules);

/* expression.c */
struct evaluation {
	const struct sonde_frame *frame;
	const struct sonde_memory *memory;
};

bool read_word(const struct sonde_memory *memory, uint64_t address,
	       uint64_t *word);
/* with_cfa: what the stack of values begins with */
bool evaluate(struct reader expression, const struct evaluation *evaluation,
	      const uint64_t *with_cfa, uint64_t *result);

#endif
