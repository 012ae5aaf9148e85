/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * Tables keyed by id that rarely hash: the low bits of an id select a slot of a
 * small array, and an entry goes to a hash map only if that slot is taken. A
 * hash map's buckets, elements and free lists are cold when a process has just
 * been made or ends, and an insert or a delete takes 0.4 us then. An array of
 * up to 32 KiB lies in the direct map, which has huge pages
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

/* Takes a free slot for the caller to fill, or returns false. Of two that try
 * at once neither gets it: kernels before 5.12 have no atomic operation that
 * returns a value. On x86 this addition is a full barrier; elsewhere it orders
 * nothing, and all entries go to the hash map.
 */
static __always_inline bool slot_take(struct sonde_slot *slot)
{
#ifdef __TARGET_ARCH_x86
	add(&slot->takers, 1);
	if (*(volatile u64 *)&slot->takers == 1 &&
	    (!slot->id || slot->ended == slot->id)) {
		*(volatile u32 *)&slot->id = 0;
		barrier();
		return true;
	}
	add(&slot->takers, -1ULL);
#endif
	return false;
}

static __always_inline void slot_filled(struct sonde_slot *slot, u32 id)
{
	*(volatile u32 *)&slot->ended = 0;
	barrier();
	*(volatile u32 *)&slot->id = id;
	add(&slot->takers, -1ULL);
}

/* Frees it; the entry stays readable until another takes the slot. May be done
 * twice.
 */
static __always_inline void slot_end(struct sonde_slot *slot, u32 id)
{
	*(volatile u32 *)&slot->ended = id;
}

static __always_inline bool slot_is_of(struct sonde_slot *slot, u32 id)
{
	return slot->id == id && slot->ended != id;
}

#endif
