/* privacy_key.c - see privacy_key.h.
 *
 * The file is `privacy.key` in the folder of store.path (without a store, in the service's own), mode 0600, and its bytes are
 * nowhere else. Whoever removes it begins anew: the hashes of before can't be made again by anybody.
 */
#include "posternd/privacy_key.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/kept.h"
#include "posternd/wanted.h"

static bool path_of(const struct conf *conf, char *path, unsigned path_bytes)
{
	const char *store = conf->store.path, *slash = strrchr(store, '/');

	if (!slash)
		return wanted_file("privacy.key", path, path_bytes);
	return (unsigned)snprintf(path, path_bytes, "%.*s/privacy.key", (int)(slash - store), store) <
	       path_bytes;
}

static int read_key(const char *path, uint8_t key[HASH_KEY_BYTES])
{
	char *bytes;
	size_t len;
	int r = kept_read(path, HASH_KEY_BYTES, &bytes, &len);

	if (r < 0)
		return r;
	if (len == HASH_KEY_BYTES)
		memcpy(key, bytes, HASH_KEY_BYTES);
	free(bytes);
	return len == HASH_KEY_BYTES ? 0 : -EINVAL;
}

static int make_key(const char *path, uint8_t key[HASH_KEY_BYTES])
{
	const struct kept_part part = { key, HASH_KEY_BYTES };
	int r = hash_key_random(key);

	return r < 0 ? r : kept_write(path, &part, 1);
}

static bool others_read(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0 && (s.st_mode & (S_IRWXG | S_IRWXO));
}

bool privacy_key_find(const struct conf *conf, uint8_t key[HASH_KEY_BYTES])
{
	char path[PATH_MAX];

	return path_of(conf, path, sizeof(path)) && read_key(path, key) == 0;
}

static void make_passing_key(uint8_t key[HASH_KEY_BYTES])
{
	if (hash_key_random(key) < 0) /* without any key, nothing would be hidden from who knows that */
		abort();
}

void privacy_key_open(struct privacy *out, const struct conf *conf, bool make, char *err, unsigned err_bytes)
{
	char path[PATH_MAX];
	int r;

	*out = (struct privacy) { .records = conf->privacy.records, .alerts = conf->privacy.alerts };
	err[0] = '\0';
	if (!out->records && !out->alerts)
		return;
	if (!path_of(conf, path, sizeof(path))) {
		snprintf(err, err_bytes,
		        "privacy.key has no folder, because store.path is empty and STATE_DIRECTORY names "
		        "none: "
		        "the hashes of local parts are of this run alone; name a store");
		make_passing_key(out->key);
		return;
	}
	r = read_key(path, out->key);
	if (r == -ENOENT && make)
		r = make_key(path, out->key);
	if (r == 0) {
		if (others_read(path))
			snprintf(err, err_bytes,
			        "%.200s can be read by others, who can try names with it: chmod 600", path);
		return;
	}
	snprintf(err, err_bytes, "%.200s: %s; the hashes of local parts are of this run alone", path,
	        strerror(-r));
	make_passing_key(out->key);
}
