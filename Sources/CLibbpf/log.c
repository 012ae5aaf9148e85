/* SPDX-License-Identifier: Apache-2.0 */
/* va_list imports differently into Swift on each architecture: format here. */
#include "CLibbpf.h"

#include <stdio.h>
#include <stdlib.h>

/* By thread: libbpf prints on the thread that called it, so that of two loads
 * at once each has its own log.
 */
static _Thread_local struct {
	FILE *stream;
	char *text;
	size_t size;
} log;

static int print(enum libbpf_print_level level, const char *format,
		 va_list arguments)
{
	/* Not what goes well: a line for each type, relocation and feature. */
	if (level != LIBBPF_WARN || !log.stream)
		return 0;
	return vfprintf(log.stream, format, arguments);
}

/* Before any call of libbpf, which otherwise prints to standard error. */
__attribute__((constructor)) static void install(void)
{
	libbpf_set_print(print);
}

void sonde_log_begin(void)
{
	log.stream = open_memstream(&log.text, &log.size);
}

char *sonde_log_end(void)
{
	if (!log.stream)
		return NULL;
	fclose(log.stream);
	log.stream = NULL;
	return log.text;
}
