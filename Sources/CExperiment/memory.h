/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EXPERIMENT_MEMORY_H
#define EXPERIMENT_MEMORY_H

#include "CExperiment.h"

#include <stdbool.h>

#define SMALL_PAGE 4096UL
#define HUGE_PAGE (2UL << 20)

/* 6.1, include/uapi/asm-generic/mman-common.h */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

uint64_t now_ns(void);

/* Maps and touches all of it. Where that fails, `outcome` says what did. */
char *make_memory(const struct sonde_arrangement *arrangement,
		  struct sonde_outcome *outcome);

/* Maps what SONDE_LIBRARIES shared libraries would. */
bool map_libraries(struct sonde_outcome *outcome);

/* The first word of page `index`, as make_memory() has written it. */
uint64_t content(uint64_t index);

#endif
