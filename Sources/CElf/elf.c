/* SPDX-License-Identifier: Apache-2.0 */
#include "CElf.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

/* No real table is larger, but a sparse file may say so. */
#define MAX_TABLE (256u << 20)
#define MAX_NOTES (1u << 20)

struct sonde_elf {
	Elf *elf;
	int machine;
	size_t segments;
	size_t segment; /* the next */

	Elf_Scn *table;
	Elf_Data *symbols;
	size_t strings; /* index of the section with their names */
	int is_dynamic;
	int symbol; /* the next */
	int count;
	int is_done;
};

struct sonde_elf *sonde_elf_open(int fd)
{
	struct sonde_elf *self;
	GElf_Ehdr header;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!self->elf || elf_kind(self->elf) != ELF_K_ELF ||
	    !gelf_getehdr(self->elf, &header) ||
	    (header.e_type != ET_EXEC && header.e_type != ET_DYN)) {
		sonde_elf_close(self);
		return NULL;
	}
	self->machine = header.e_machine;
	if (elf_getphdrnum(self->elf, &self->segments))
		self->segments = 0;
	return self;
}

void sonde_elf_close(struct sonde_elf *self)
{
	elf_end(self->elf);
	free(self);
}

int sonde_elf_next_segment(struct sonde_elf *self,
			   struct sonde_elf_segment *segment)
{
	GElf_Phdr header;

	while (self->segment < self->segments) {
		if (!gelf_getphdr(self->elf, (int)self->segment++, &header))
			return 0;
		if (header.p_type != PT_LOAD || !(header.p_flags & PF_X))
			continue;
		*segment = (struct sonde_elf_segment){
			.offset = header.p_offset,
			.size = header.p_filesz,
			.address = header.p_vaddr,
		};
		return 1;
	}
	return 0;
}

static int is_sane(const GElf_Shdr *header)
{
	return header->sh_size <= MAX_TABLE &&
	       !(header->sh_flags & SHF_COMPRESSED);
}

/* To the next section that holds symbols. */
static void next_table(struct sonde_elf *self)
{
	size_t entry = gelf_fsize(self->elf, ELF_T_SYM, 1, EV_CURRENT);
	GElf_Shdr header, strings;

	while ((self->table = elf_nextscn(self->elf, self->table))) {
		if (!gelf_getshdr(self->table, &header) ||
		    (header.sh_type != SHT_SYMTAB &&
		     header.sh_type != SHT_DYNSYM) ||
		    !is_sane(&header))
			continue;
		if (!gelf_getshdr(elf_getscn(self->elf, header.sh_link),
				  &strings) ||
		    !is_sane(&strings))
			continue;
		self->symbols = elf_getdata(self->table, NULL);
		if (!self->symbols || !self->symbols->d_buf)
			continue;
		self->strings = header.sh_link;
		self->is_dynamic = header.sh_type == SHT_DYNSYM;
		self->symbol = 0;
		self->count = (int)(self->symbols->d_size / entry);
		return;
	}
	self->is_done = 1;
}

static int is_function(struct sonde_elf *self, const GElf_Sym *symbol,
		       const GElf_Shdr *section)
{
	switch (GELF_ST_TYPE(symbol->st_info)) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		return 1;
	case STT_NOTYPE:
		return section && (section->sh_flags & SHF_EXECINSTR);
	default:
		return 0;
	}
}

int sonde_elf_next_symbol(struct sonde_elf *self,
			  struct sonde_elf_symbol *symbol)
{
	/* After its end elf_nextscn() would begin anew. */
	while (!self->is_done) {
		GElf_Shdr header, *section;
		const char *name;
		GElf_Sym entry;

		if (self->symbol >= self->count) {
			next_table(self);
			continue;
		}
		if (!gelf_getsym(self->symbols, self->symbol++, &entry) ||
		    entry.st_shndx == SHN_UNDEF || entry.st_value == 0)
			continue;
		section = gelf_getshdr(elf_getscn(self->elf, entry.st_shndx),
				       &header);
		if (!is_function(self, &entry, section))
			continue;
		name = elf_strptr(self->elf, self->strings, entry.st_name);
		if (!name || !*name)
			continue;
		/* "$x" tells code from data on ARM; Swift's "$s" is kept. */
		if (*name == '$' && GELF_ST_TYPE(entry.st_info) == STT_NOTYPE)
			continue;
		*symbol = (struct sonde_elf_symbol){
			.address = entry.st_value,
			.size = entry.st_size,
			.section_end =
				section ? section->sh_addr + section->sh_size
					: 0,
			.name = name,
			.is_weak = GELF_ST_BIND(entry.st_info) == STB_WEAK,
			.is_local = GELF_ST_BIND(entry.st_info) == STB_LOCAL,
			.is_label = GELF_ST_TYPE(entry.st_info) == STT_NOTYPE,
			.is_dynamic = self->is_dynamic,
		};
		/* The lowest bit says that it is Thumb code. */
		if (self->machine == EM_ARM)
			symbol->address &= ~1ull;
		return 1;
	}
	return 0;
}

/* In one PT_NOTE. */
static size_t find_build_id(Elf_Data *notes, unsigned char *id, size_t size)
{
	size_t offset = 0, next, name, content;
	GElf_Nhdr note;

	while ((next = gelf_getnote(notes, offset, &note, &name, &content))) {
		const char *bytes = notes->d_buf;

		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(bytes + name, "GNU", 4)) {
			memcpy(id, bytes + content,
			       note.n_descsz < size ? note.n_descsz : size);
			return note.n_descsz;
		}
		offset = next;
	}
	return 0;
}

size_t sonde_elf_build_id(struct sonde_elf *self, unsigned char *id,
			  size_t size)
{
	for (size_t i = 0; i < self->segments; i++) {
		Elf_Data *notes;
		GElf_Phdr header;
		size_t length;

		if (!gelf_getphdr(self->elf, (int)i, &header))
			return 0;
		if (header.p_type != PT_NOTE || header.p_filesz > MAX_NOTES)
			continue;
		notes = elf_getdata_rawchunk(
			self->elf, (int64_t)header.p_offset, header.p_filesz,
			header.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
		length = notes ? find_build_id(notes, id, size) : 0;
		if (length)
			return length;
	}
	return 0;
}
