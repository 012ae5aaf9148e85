// SPDX-License-Identifier: (MIT OR GPL-2.0)
/* Counts how often one process renames itself. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct config {
	__u32 pid;
	__u32 weight;
};

const volatile struct config config SEC(".rodata.config");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} shared SEC(".maps");

SEC("tp_btf/task_rename")
int renamed(void *ctx)
{
	__u32 key = 1;
	__u64 *count = bpf_map_lookup_elem(&per_cpu, &key);
	__u64 *total = bpf_map_lookup_elem(&shared, &key);

	if (!count || !total || bpf_get_current_pid_tgid() >> 32 != config.pid)
		return 0;
	*count += config.weight;
	/* One thread alone renames itself. */
	(*total)++;
	return 0;
}

SEC("tp_btf/no_such_tracepoint")
int nowhere(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Linux 5.14 */
SEC("?syscall")
int answer(void *ctx)
{
	return 42;
}
