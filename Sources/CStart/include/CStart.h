/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into a tool, refuses to start where Swift's runtime would abort: see
 * start.c.
 */
#ifndef CSTART_H
#define CSTART_H

/* The least address space (RLIMIT_AS) that a tool starts with, bytes. */
#define SONDE_LEAST_ADDRESS_SPACE (128ULL << 20)

#endif
