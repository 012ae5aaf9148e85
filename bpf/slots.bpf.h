/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * Tables by id that mostly do without a hash: the low bits say which slot of a
 * small array is an id's, and only where another has that slot does an entry
 * go to a hash map. A hash map's buckets, elements and free lists are cold when
 * a process has just been made or ended, and each insert or delete takes 0.4 us
 * then. An array of up to 32 KiB lies in the direct map, by huge pages
 * (bpf_map_area_alloc()).
 */
#ifndef SONDE_SLOTS_BPF_H
#define SONDE_SLOTS_BPF_H

#include "ring.bpf.h"
#include "include/sonde_clone.h"

static __always_inline void add(u64 *sum, u64 n)
{
	asm volatile("lock *(u64 *)(%0 + 0) += %1"
		     :
		     : "r"(sum), "r"(n)
		     : "memory");
}

/* Whether a free slot is the caller's to fill; slot_filled() then gives it its
 * id. Of two that take it at once neither gets it: kernels before 5.12 have no
 * atomic operation that returns anything.
 */
static __always_inline bool slot_take(struct sonde_slot *slot)
{
	add(&slot->takers, 1);
	if (*(volatile u64 *)&slot->takers == 1 &&
	    (!slot->id || slot->ended == slot->id)) {
		*(volatile u32 *)&slot->id = 0;
		return true;
	}
	add(&slot->takers, -1ULL);
	return false;
}

static __always_inline void slot_filled(struct sonde_slot *slot, u32 id)
{
	*(volatile u32 *)&slot->ended = 0;
	*(volatile u32 *)&slot->id = id;
	add(&slot->takers, -1ULL);
}

/* It stays as it is until another takes it. May be done twice. */
static __always_inline void slot_end(struct sonde_slot *slot, u32 id)
{
	*(volatile u32 *)&slot->ended = id;
}

static __always_inline bool slot_is_of(struct sonde_slot *slot, u32 id)
{
	return slot->id == id && slot->ended != id;
}

#endif
