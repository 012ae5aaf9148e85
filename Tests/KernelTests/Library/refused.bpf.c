// SPDX-License-Identifier: (MIT OR GPL-2.0)
/* The verifier has to refuse this: the value may not be there. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

SEC("tp_btf/task_rename")
int renamed(void *ctx)
{
	__u32 key = 1;
	__u64 *number = bpf_map_lookup_elem(&numbers, &key);

	return *number != 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
