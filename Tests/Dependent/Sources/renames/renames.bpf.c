// SPDX-License-Identifier: (MIT OR GPL-2.0)
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "renames.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("tp_btf/task_rename")
int renamed(void *ctx)
{
	struct rename_event event = {
		.pid = bpf_get_current_pid_tgid() >> 32,
	};

	bpf_ringbuf_output(&events, &event, sizeof(event), 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
