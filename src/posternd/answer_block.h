/* answer_block.h - a block as those who ask are told of it. */
#ifndef POSTERND_ANSWER_BLOCK_H
#define POSTERND_ANSWER_BLOCK_H

#include <jansson.h>

#include "policy/blockbook.h"

/* rate_per_min: of those who are limited. */
json_t *answer_block_row(const struct block *b, uint32_t rate_per_min);

#endif
