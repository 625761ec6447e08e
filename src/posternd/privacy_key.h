/* privacy_key.h - the key by which local parts are hashed: made once, kept beside the store. */
#ifndef POSTERND_PRIVACY_KEY_H
#define POSTERND_PRIVACY_KEY_H

#include "conf/conf.h"
#include "report/privacy.h"

/* What conf wants; the key is read if it is needed, and made if there is none and `make` says so. Without one that is kept, a
 * key of this run's own is taken, and `err` says why; else err is empty. */
void privacy_key_open(struct privacy *out, const struct conf *conf, bool make, char *err, unsigned err_bytes);
/* The key that is kept, whatever conf wants: what was hashed by it before may still be in the store. */
bool privacy_key_find(const struct conf *conf, uint8_t key[HASH_KEY_BYTES]);

#endif
