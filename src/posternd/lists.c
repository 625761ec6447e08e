/* lists.c - looks at the list files once a second.
 *
 * A file counts as changed when it is another one than was read (device, inode, size, time of change), or
 * gone, and has stayed the same from one look to the next: whoever writes it in place may need a
 * moment. What was tried once, and found bad, is not tried again until it changes again.
 *
 * Rejected: inotify, which watches an inode: a list that is replaced by rename, or lies behind a link, needs
 * the folders watched as well, and on network file systems it tells nothing.
 *
 * Limits: who writes in place and pauses for longer than a second has the half he wrote taken.
 */
#include "posternd/lists.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "conf/conf.h"

struct look {
	struct conf_stamp seen, tried;
	bool was_tried;
};

struct lists {
	const struct conf *of; /* whose lists these are; only compared */
	size_t count;
	struct look *looks;
};

struct lists *lists_new(void)
{
	return calloc(1, sizeof(struct lists));
}

void lists_free(struct lists *l)
{
	if (l)
		free(l->looks);
	free(l);
}

/* False without memory. */
static bool follow(struct lists *l, const struct conf *conf)
{
	struct look *looks;
	size_t i;

	if (l->of == conf && l->count == conf->list_count)
		return true;
	looks = calloc(conf->list_count + 1, sizeof(*looks));
	if (!looks)
		return false;
	for (i = 0; i < conf->list_count; i++)
		looks[i].seen = conf->lists[i].stamp;
	free(l->looks);
	l->looks = looks;
	l->of = conf;
	l->count = conf->list_count;
	return true;
}

static bool same(const struct conf_stamp *a, const struct conf_stamp *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool has_changed(struct look *look, const struct conf_list *list)
{
	struct conf_stamp now;
	bool settled;

	conf_stamp_read(list->path, &now);
	settled = same(&now, &look->seen);
	look->seen = now;
	if (!settled || same(&now, &list->stamp) || (look->was_tried && same(&now, &look->tried)))
		return false;
	look->tried = now;
	look->was_tried = true;
	return true;
}

bool lists_look(struct lists *l, const struct conf *conf)
{
	bool changed = false;
	size_t i;

	if (!follow(l, conf))
		return false;
	for (i = 0; i < conf->list_count; i++)
		if (has_changed(&l->looks[i], &conf->lists[i])) {
			log_info("%s has changed", conf->lists[i].path);
			changed = true;
		}
	return changed;
}
