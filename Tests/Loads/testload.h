/* SPDX-License-Identifier: Apache-2.0 */
/* What every load of testload shares. */
#ifndef TESTLOAD_H
#define TESTLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/types.h>

/*
 * One function a subcommand. The arguments are numbers; one that was left out
 * is -1. It returns when the load has ended and nothing of it is left.
 */
void load_attempts(const long *arguments);
void load_bills(const long *arguments);
void load_bursts(const long *arguments);
void load_callers(const long *arguments);
void load_calls(const long *arguments);
void load_chain(const long *arguments);
void load_collapsible(const long *arguments);
void load_contend(const long *arguments);
void load_dexit(const long *arguments);
void load_dontforks(const long *arguments);
void load_dsleep(const long *arguments);
void load_execs(const long *arguments);
void load_execthread(const long *arguments);
void load_flood(const long *arguments);
void load_forks(const long *arguments);
void load_forkstorm(const long *arguments);
void load_debugger(const long *arguments);
void load_fuse(const long *arguments);
void load_heldforks(const long *arguments);
void load_holders(const long *arguments);
void load_hugeforks(const long *arguments);
void load_lockfight(const long *arguments);
void load_migrate(const long *arguments);
void load_mover(const long *arguments);
void load_pingpong(const long *arguments);
void load_poolforks(const long *arguments);
void load_renamer(const long *arguments);
void load_saves(const long *arguments);
void load_serves(const long *arguments);
void load_sleepers(const long *arguments);
void load_spawns(const long *arguments);
void load_writes(const long *arguments);
void load_spin(const long *arguments);
void load_strangers(const long *arguments);
void load_thrash(const long *arguments);
void load_vfork(const long *arguments);
void load_wake(const long *arguments);
void internal_exec(const long *arguments);

/* dialog.c: what the test and the load tell each other. */
enum input { INPUT_NONE, INPUT_LINE, INPUT_END };

void set_duration(double seconds);
void say_ready(void);
void say_ids(const pid_t *ids, long count);
enum input wait_for_input(int timeout_ms);
void wait_for_end(void);

/*
 * crew.c: the children or threads of a load. Starting returns once each member
 * has arrived.
 */
typedef void member_body(long index, void *context);

struct crew {
	long count;
	pid_t *ids;
	struct member *members;
};

struct crew start_children(long count, member_body *body, void *context);
struct crew start_threads(long count, member_body *body, void *context);
void die_with_parent(pid_t parent);
void run_children(const struct crew *crew);
void kill_all(const pid_t *ids, long count);
long reap_children(void);
void join_threads(const struct crew *crew);

/*
 * rendezvous.c: a member arrives once its part of the load is in place, or at
 * the gate before it begins; the gate opens when all have arrived.
 */
void prepare_rendezvous(void);
void arrive(void);
void arrive_at_gate(void);
void await_arrivals(long count);
void open_gate(void);
void ask_to_stop(void);
bool asked_to_stop(void);

/* tasks.c: single tasks, time and memory. */
void *share(size_t size);
void *allocate(long count, size_t size);
void pin(long cpu);
void await_state(pid_t process, pid_t task, char state);
/* In S or D. */
void await_sleep(pid_t process, pid_t task);
int64_t now_ns(void);
void spin_for(int64_t ns);
void nap_us(long us);

#endif
