/* conf_files.h - for tests of the configuration: files in a folder of their own, messages collected. */
#ifndef UNIT_CONF_FILES_H
#define UNIT_CONF_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "conf/conf.h"

static char conf_folder[] = "/tmp/postern-conf-XXXXXX";
static char conf_errors[65536], conf_warnings[4096];

/* Writes a file into the test's folder, which is made with the first one. */
static inline void conf_write(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	if (strstr(conf_folder, "XXXXXX") && !mkdtemp(conf_folder))
		abort();
	snprintf(path, sizeof(path), "%s/%s", conf_folder, name);
	f = fopen(path, "w");
	if (!f || fputs(text, f) == EOF || fclose(f) != 0)
		abort();
}

/* Removes files and the folder. */
static inline void conf_clean(const char *const *names)
{
	char path[256];

	for (; *names; names++) {
		snprintf(path, sizeof(path), "%s/%s", conf_folder, *names);
		remove(path);
	}
	remove(conf_folder);
}

/* Adds a message as a line, without the folder in front of the file names. */
static inline void conf_collect(char *to, size_t room, const char *message)
{
	char *folder;
	size_t len = strlen(conf_folder) + 1, begin = strlen(to);

	snprintf(to + begin, room - begin, "%s%s", begin ? "\n" : "", message);
	while ((folder = strstr(to + begin, conf_folder)))
		memmove(folder, folder + len, strlen(folder + len) + 1);
}

static inline void conf_on_error(void *arg, const char *message)
{
	(void)arg;
	conf_collect(conf_errors, sizeof(conf_errors), message);
}

static inline void conf_on_warning(void *arg, const char *message)
{
	(void)arg;
	conf_collect(conf_warnings, sizeof(conf_warnings), message);
}

/* Loads a file of the test's folder; messages are in conf_errors and conf_warnings afterwards. */
static inline int conf_read(const char *name, const struct conf_options *options, struct conf **out)
{
	char path[256];

	conf_errors[0] = conf_warnings[0] = '\0';
	*out = NULL;
	snprintf(path, sizeof(path), "%s/%s", conf_folder, name);
	return conf_load(path, options, out, conf_on_error, conf_on_warning, NULL);
}

static inline int conf_read_text(const char *text, struct conf **out)
{
	conf_write("t.conf", text);
	return conf_read("t.conf", NULL, out);
}

#endif
