/* SPDX-License-Identifier: Apache-2.0 */
/* va_list imports differently into Swift on each architecture: format here. */
#include "CLibbpf.h"

#include <stdarg.h>
#include <stdio.h>

static sonde_log_sink current_sink;

static int forward(enum libbpf_print_level level, const char *format,
		   va_list arguments)
{
	char line[8192];

	vsnprintf(line, sizeof(line), format, arguments);
	if (current_sink)
		current_sink(level, line);
	return 0;
}

void sonde_set_log_sink(sonde_log_sink sink)
{
	current_sink = sink;
	libbpf_set_print(forward);
}
