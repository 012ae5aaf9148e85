// SPDX-License-Identifier: (MIT OR GPL-2.0)
/* Refused for its last instruction, after a verifier log of many pages. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tp_btf/task_rename")
int follows_a_number(void *ctx)
{
	__u64 sum = 0;

#pragma unroll
	for (int i = 0; i < 400; i++)
		sum += bpf_ktime_get_ns();
	return *(int *)sum;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
