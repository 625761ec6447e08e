/* store_acts.h - what travels from the store's caller to its thread: fixed size, no pointer. */
#ifndef REPORT_STORE_ACTS_H
#define REPORT_STORE_ACTS_H

#include "report/store.h"

enum store_act_kind {
	ACT_BLOCK_SET,
	ACT_BLOCK_ENDED,
	ACT_BLOCKS_ANEW,
	ACT_CLOCK, /* was set by jump_us: what ends at a time of the wall clock ends at another one */
};

struct store_act {
	enum store_act_kind kind;
	union {
		struct store_block block;
		struct {
			struct prefix prefix;
			uint64_t time_us;
			enum store_end why;
		} ended;
		int64_t jump_us;
	} u;
};

enum store_tale_kind { TALE_STORY, TALE_ACT, TALE_SEEN, TALE_MUTE, TALE_UNMUTE, TALE_SOURCE, TALE_USUAL };

struct store_tale {
	enum store_tale_kind kind;
	union {
		struct finding finding;
		struct store_seen seen;
		struct store_source source;
		struct store_usual usual;
		struct store_mute mute;
	} u;
};

#endif
