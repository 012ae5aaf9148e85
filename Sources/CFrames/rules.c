/* SPDX-License-Identifier: Apache-2.0 */
/* Call-frame instructions: DWARF 4, 6.4.2. */
#include "frames.h"

#define MOST_REMEMBERED 8
/* A function with more is none that a compiler has made. */
#define MOST_INSTRUCTIONS 16384

enum {
	CFA_NOP = 0x00,
	CFA_SET_LOC,
	CFA_ADVANCE_LOC1,
	CFA_ADVANCE_LOC2,
	CFA_ADVANCE_LOC4,
	CFA_OFFSET_EXTENDED,
	CFA_RESTORE_EXTENDED,
	CFA_UNDEFINED,
	CFA_SAME_VALUE,
	CFA_REGISTER,
	CFA_REMEMBER_STATE,
	CFA_RESTORE_STATE,
	CFA_DEF_CFA,
	CFA_DEF_CFA_REGISTER,
	CFA_DEF_CFA_OFFSET,
	CFA_DEF_CFA_EXPRESSION,
	CFA_EXPRESSION,
	CFA_OFFSET_EXTENDED_SF,
	CFA_DEF_CFA_SF,
	CFA_DEF_CFA_OFFSET_SF,
	CFA_VAL_OFFSET,
	CFA_VAL_OFFSET_SF,
	CFA_VAL_EXPRESSION,
	CFA_GNU_ARGS_SIZE = 0x2e,
	/* These hold an operand in their lower six bits. */
	CFA_ADVANCE_LOC = 0x40,
	CFA_OFFSET = 0x80,
	CFA_RESTORE = 0xc0,
};

struct machine {
	const struct entry *entry;
	struct rules rules;
	/* after the instructions of all with the same CIE */
	struct rules initial;
	struct rules remembered[MOST_REMEMBERED];
	size_t count;
	/* of the instruction whose rules these are */
	uint64_t location;
	bool failed;
};

static void set(struct machine *machine, uint64_t number, enum rule_kind kind,
		int64_t value)
{
	/* There are more registers than matter here. */
	if (number < SONDE_FRAME_REGISTERS)
		machine->rules.registers[number] =
			(struct rule){.kind = kind, .number = value};
}

static void set_expression(struct machine *machine, uint64_t number,
			   enum rule_kind kind, struct reader *from)
{
	struct reader block = read_block(from, read_uleb(from));

	if (number < SONDE_FRAME_REGISTERS)
		machine->rules.registers[number] =
			(struct rule){.kind = kind, .expression = block};
}

static void restore(struct machine *machine, uint64_t number)
{
	if (number < SONDE_FRAME_REGISTERS)
		machine->rules.registers[number] =
			machine->initial.registers[number];
}

static void set_cfa(struct machine *machine, uint64_t number, int64_t offset)
{
	machine->rules.cfa =
		(struct rule){.kind = RULE_REGISTER, .number = (int64_t)number};
	machine->rules.cfa_offset = offset;
}

static int64_t factored(const struct machine *machine, uint64_t value)
{
	return (int64_t)(value * (uint64_t)machine->entry->data_alignment);
}

static void advance(struct machine *machine, uint64_t delta)
{
	machine->location += delta * machine->entry->code_alignment;
}

static void remember(struct machine *machine)
{
	if (machine->count == MOST_REMEMBERED)
		machine->failed = true;
	else
		machine->remembered[machine->count++] = machine->rules;
}

static void recall(struct machine *machine)
{
	if (machine->count == 0)
		machine->failed = true;
	else
		machine->rules = machine->remembered[--machine->count];
}

/* Those that only set a register's rule. */
static void execute_rule(struct machine *machine, uint8_t operation,
			 struct reader *from)
{
	uint64_t number = read_uleb(from);

	switch (operation) {
	case CFA_OFFSET_EXTENDED:
		return set(machine, number, RULE_OFFSET,
			   factored(machine, read_uleb(from)));
	case CFA_OFFSET_EXTENDED_SF:
		return set(machine, number, RULE_OFFSET,
			   factored(machine, (uint64_t)read_sleb(from)));
	case CFA_VAL_OFFSET:
		return set(machine, number, RULE_VAL_OFFSET,
			   factored(machine, read_uleb(from)));
	case CFA_VAL_OFFSET_SF:
		return set(machine, number, RULE_VAL_OFFSET,
			   factored(machine, (uint64_t)read_sleb(from)));
	case CFA_RESTORE_EXTENDED:
		return restore(machine, number);
	case CFA_UNDEFINED:
		return set(machine, number, RULE_UNDEFINED, 0);
	case CFA_SAME_VALUE:
		return set(machine, number, RULE_SAME, 0);
	case CFA_REGISTER:
		return set(machine, number, RULE_REGISTER,
			   (int64_t)read_uleb(from));
	case CFA_EXPRESSION:
		return set_expression(machine, number, RULE_EXPRESSION, from);
	case CFA_VAL_EXPRESSION:
		return set_expression(machine, number, RULE_VAL_EXPRESSION,
				      from);
	}
	machine->failed = true;
}

static void execute_cfa(struct machine *machine, uint8_t operation,
			struct reader *from)
{
	uint64_t number;

	switch (operation) {
	case CFA_DEF_CFA:
		number = read_uleb(from);
		return set_cfa(machine, number, (int64_t)read_uleb(from));
	case CFA_DEF_CFA_SF:
		number = read_uleb(from);
		return set_cfa(machine, number,
			       factored(machine, (uint64_t)read_sleb(from)));
	case CFA_DEF_CFA_REGISTER:
		return set_cfa(machine, read_uleb(from),
			       machine->rules.cfa_offset);
	case CFA_DEF_CFA_OFFSET:
		machine->rules.cfa_offset = (int64_t)read_uleb(from);
		return;
	case CFA_DEF_CFA_OFFSET_SF:
		machine->rules.cfa_offset =
			factored(machine, (uint64_t)read_sleb(from));
		return;
	case CFA_DEF_CFA_EXPRESSION:
		machine->rules.cfa = (struct rule){
			.kind = RULE_VAL_EXPRESSION,
			.expression = read_block(from, read_uleb(from)),
		};
		return;
	}
	machine->failed = true;
}

static void execute(struct machine *machine, uint8_t operation,
		    struct reader *from)
{
	switch (operation) {
	case CFA_NOP:
		return;
	case CFA_SET_LOC:
		machine->location = read_pointer(
			from, machine->entry->pointer_encoding, false);
		return;
	case CFA_ADVANCE_LOC1:
		return advance(machine, read_fixed(from, 1));
	case CFA_ADVANCE_LOC2:
		return advance(machine, read_fixed(from, 2));
	case CFA_ADVANCE_LOC4:
		return advance(machine, read_fixed(from, 4));
	case CFA_REMEMBER_STATE:
		return remember(machine);
	case CFA_RESTORE_STATE:
		return recall(machine);
	case CFA_DEF_CFA ... CFA_DEF_CFA_EXPRESSION:
	case CFA_DEF_CFA_SF:
	case CFA_DEF_CFA_OFFSET_SF:
		return execute_cfa(machine, operation, from);
	case CFA_GNU_ARGS_SIZE:
		read_uleb(from);
		return;
	default:
		return execute_rule(machine, operation, from);
	}
}

/* Up to the rules of that address. */
static bool run(struct machine *machine, struct reader instructions,
		uint64_t address)
{
	for (size_t i = 0; instructions.at < instructions.end; i++) {
		uint8_t operation = read_fixed(&instructions, 1);
		uint8_t operand = operation & 0x3f;

		switch (operation & 0xc0) {
		case CFA_ADVANCE_LOC:
			advance(machine, operand);
			break;
		case CFA_OFFSET:
			set(machine, operand, RULE_OFFSET,
			    factored(machine, read_uleb(&instructions)));
			break;
		case CFA_RESTORE:
			restore(machine, operand);
			break;
		default:
			execute(machine, operation, &instructions);
		}
		if (machine->failed || instructions.failed ||
		    i == MOST_INSTRUCTIONS)
			return false;
		if (machine->location > address)
			return true;
	}
	return true;
}

bool find_rules(const struct entry *entry, uint64_t address,
		struct rules *rules)
{
	struct machine machine = {.entry = entry, .location = entry->begin};

	/* The stack pointer is the CFA: that is what it means. */
	machine.rules.registers[SONDE_FRAME_SP].kind = RULE_VAL_OFFSET;
	machine.rules.registers[SONDE_FRAME_IP].kind = RULE_UNDEFINED;
	machine.rules.cfa.kind = RULE_UNDEFINED;
	machine.initial = machine.rules;
	if (!run(&machine, entry->shared, ~0ULL))
		return false;
	machine.initial = machine.rules;
	machine.location = entry->begin;
	machine.count = 0;
	/* Rules hold from their location on: run() returns behind an advance
	 * beyond the address, which sets nothing itself.
	 */
	if (!run(&machine, entry->own, address))
		return false;
	*rules = machine.rules;
	return rules->cfa.kind != RULE_UNDEFINED;
}
