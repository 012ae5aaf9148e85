/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SONDE_GUARD_H
#define SONDE_GUARD_H

/* Restores the terminal if this process is killed (SIGKILL), which it can't do
 * itself: forks a child that waits for it to die. `text` is written to the
 * terminal then. Calls after the first have no effect.
 */
void sonde_guard_begin(int fd, const char *text);

/* Whether there is anything to give back. For signal handlers as well. */
void sonde_guard_tell(int is_taken);

/* Lets the child exit. */
void sonde_guard_end(void);

#endif
