/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SONDE_GUARD_H
#define SONDE_GUARD_H

/* What a process can't do that is killed: a child of it stays behind, and gives
 * the terminal back. `text` is written to it then. Only the first call does
 * anything.
 */
void sonde_guard_begin(int fd, const char *text);

/* Whether there is anything to give back. For signal handlers as well. */
void sonde_guard_tell(int is_taken);

/* The child is to go. */
void sonde_guard_end(void);

#endif
