/* SPDX-License-Identifier: Apache-2.0 */
#include "CServing.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define MOST_DEPTH 8
#define MOST_PATH 512

struct walk {
	char path[MOST_PATH];
	/* Where in the path each mapping's keys begin. */
	size_t starts[MOST_DEPTH];
	int depth;
	bool has_key;
	sonde_yaml_callback callback;
	void *context;
};

static const char *scalar(struct walk *walk, const char *text, size_t line)
{
	const size_t start = walk->depth ? walk->starts[walk->depth - 1] : 0;

	if (!walk->depth)
		return *text ? "is not a mapping" : NULL;
	if (walk->has_key) {
		walk->has_key = false;
		walk->callback(walk->context, walk->path, text, line);
		walk->path[start] = '\0';
		return NULL;
	}
	if (strchr(text, '\n') || start + strlen(text) + 2 > MOST_PATH)
		return "key is too long or has a newline";
	snprintf(walk->path + start, MOST_PATH - start, "%s\n", text);
	walk->has_key = true;
	return NULL;
}

static const char *take(struct walk *walk, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		if (strlen((const char *)event->data.scalar.value) !=
		    event->data.scalar.length)
			return "contains a NUL";
		return scalar(walk, (const char *)event->data.scalar.value,
			      event->start_mark.line + 1);
	case YAML_MAPPING_START_EVENT:
		if (walk->depth && !walk->has_key)
			return "a key is a mapping";
		if (walk->depth == MOST_DEPTH)
			return "is nested too deeply";
		walk->starts[walk->depth++] = strlen(walk->path);
		walk->has_key = false;
		return NULL;
	case YAML_MAPPING_END_EVENT:
		walk->depth--;
		walk->has_key = false;
		walk->path[walk->depth ? walk->starts[walk->depth - 1] : 0] =
			'\0';
		return NULL;
	case YAML_SEQUENCE_START_EVENT:
		return "lists are not supported";
	case YAML_ALIAS_EVENT:
		return "aliases are not supported";
	default:
		return NULL;
	}
}

int sonde_yaml_read(const char *text, size_t size, sonde_yaml_callback callback,
		    void *context, char *error, size_t error_size)
{
	struct walk walk = {.callback = callback, .context = context};
	const char *problem = NULL;
	yaml_parser_t parser;
	bool over = false;

	if (!yaml_parser_initialize(&parser)) {
		snprintf(error, error_size, "no memory");
		return -1;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text,
				     size);
	while (!over && !problem) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			snprintf(error, error_size, "line %zu: %s",
				 parser.problem_mark.line + 1,
				 parser.problem ? parser.problem : "not YAML");
			yaml_parser_delete(&parser);
			return -1;
		}
		problem = take(&walk, &event);
		if (problem)
			snprintf(error, error_size, "line %zu: %s",
				 event.start_mark.line + 1, problem);
		over = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return problem ? -1 : 0;
}
