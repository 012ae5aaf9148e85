/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include <string.h>

#define MOST_VALUES 16
#define MOST_OPERATIONS 64

/* A stack of values; one that is too short or too long is an error. */
struct values {
	uint64_t value[MOST_VALUES];
	size_t count;
	bool failed;
};

static void push(struct values *values, uint64_t value)
{
	if (values->count == MOST_VALUES)
		values->failed = true;
	else
		values->value[values->count++] = value;
}

static uint64_t pop(struct values *values)
{
	if (values->count == 0) {
		values->failed = true;
		return 0;
	}
	return values->value[--values->count];
}

bool read_word(const struct sonde_memory *memory, uint64_t address,
	       uint64_t *word)
{
	uint64_t place = address - memory->start;

	if (address < memory->start || memory->length < sizeof(*word) ||
	    place > memory->length - sizeof(*word))
		return false;
	memcpy(word, memory->bytes + place, sizeof(*word));
	return true;
}

static void push_register(struct values *values,
			  const struct sonde_frame *frame, uint64_t number,
			  int64_t offset)
{
	if (number >= SONDE_FRAME_REGISTERS || !(frame->known & 1U << number))
		values->failed = true;
	else
		push(values, frame->registers[number] + (uint64_t)offset);
}

enum {
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08,
	OP_CONST1S,
	OP_CONST2U,
	OP_CONST2S,
	OP_CONST4U,
	OP_CONST4S,
	OP_CONST8U,
	OP_CONST8S,
	OP_CONSTU,
	OP_CONSTS,
	OP_DUP,
	OP_DROP,
	OP_AND = 0x1a,
	OP_MINUS = 0x1c,
	OP_OR = 0x21,
	OP_PLUS,
	OP_PLUS_UCONST,
	OP_SHL,
	OP_SHR,
	OP_EQ = 0x29,
	OP_GE,
	OP_GT,
	OP_LE,
	OP_LT,
	OP_NE,
	OP_LIT0 = 0x30,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
	OP_BREGX = 0x92,
	OP_NOP = 0x96,
};

static void binary(struct values *values, uint8_t operation)
{
	uint64_t second = pop(values), first = pop(values);

	switch (operation) {
	case OP_PLUS:
		return push(values, first + second);
	case OP_MINUS:
		return push(values, first - second);
	case OP_AND:
		return push(values, first & second);
	case OP_OR:
		return push(values, first | second);
	case OP_SHL:
		return push(values, second < 64 ? first << second : 0);
	case OP_SHR:
		return push(values, second < 64 ? first >> second : 0);
	case OP_EQ:
		return push(values, first == second);
	case OP_NE:
		return push(values, first != second);
	case OP_GE:
		return push(values, (int64_t)first >= (int64_t)second);
	case OP_GT:
		return push(values, (int64_t)first > (int64_t)second);
	case OP_LE:
		return push(values, (int64_t)first <= (int64_t)second);
	case OP_LT:
		return push(values, (int64_t)first < (int64_t)second);
	}
	values->failed = true;
}

static uint64_t constant(struct reader *expression, uint8_t operation)
{
	switch (operation) {
	case OP_CONST1U:
		return read_fixed(expression, 1);
	case OP_CONST1S:
		return (uint64_t)(int64_t)(int8_t)read_fixed(expression, 1);
	case OP_CONST2U:
		return read_fixed(expression, 2);
	case OP_CONST2S:
		return (uint64_t)(int64_t)(int16_t)read_fixed(expression, 2);
	case OP_CONST4U:
		return read_fixed(expression, 4);
	case OP_CONST4S:
		return (uint64_t)(int64_t)(int32_t)read_fixed(expression, 4);
	case OP_CONSTU:
		return read_uleb(expression);
	case OP_CONSTS:
		return (uint64_t)read_sleb(expression);
	default:
		return read_fixed(expression, 8);
	}
}

/* What compilers, assemblers and linkers write for x86-64: offsets from
 * registers, those of signal frames, and of the procedure linkage table.
 * Branches aren't among them, so every expression ends.
 */
static void operate(struct reader *expression, uint8_t operation,
		    const struct evaluation *evaluation, struct values *values)
{
	uint64_t word;

	switch (operation) {
	case OP_BREG0 ... OP_BREG31:
		return push_register(values, evaluation->frame,
				     operation - OP_BREG0,
				     read_sleb(expression));
	case OP_BREGX:
		word = read_uleb(expression);
		return push_register(values, evaluation->frame, word,
				     read_sleb(expression));
	case OP_LIT0 ... OP_LIT31:
		return push(values, operation - OP_LIT0);
	case OP_CONST1U ... OP_CONSTS:
		return push(values, constant(expression, operation));
	case OP_PLUS_UCONST:
		word = pop(values);
		return push(values, word + read_uleb(expression));
	case OP_DUP:
		word = pop(values);
		push(values, word);
		return push(values, word);
	case OP_DROP:
		pop(values);
		return;
	case OP_DEREF:
		if (read_word(evaluation->memory, pop(values), &word))
			return push(values, word);
		values->failed = true;
		return;
	case OP_NOP:
		return;
	default:
		return binary(values, operation);
	}
}

bool evaluate(struct reader expression, const struct evaluation *evaluation,
	      const uint64_t *with_cfa, uint64_t *result)
{
	struct values values = {.count = 0};

	if (with_cfa)
		push(&values, *with_cfa);
	for (int i = 0; expression.at < expression.end; i++) {
		uint8_t operation = read_fixed(&expression, 1);

		operate(&expression, operation, evaluation, &values);
		if (i == MOST_OPERATIONS || values.failed || expression.failed)
			return false;
	}
	*result = pop(&values);
	return !values.failed;
}
