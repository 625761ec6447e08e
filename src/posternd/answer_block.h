/* answer_block.h - a block as those who ask are told of it. */
#ifndef POSTERND_ANSWER_BLOCK_H
#define POSTERND_ANSWER_BLOCK_H

#include <jansson.h>

#include "policy/blockbook.h"

json_t *answer_block_row(const struct block *b);

#endif
