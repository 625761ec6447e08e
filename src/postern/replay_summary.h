/* replay_summary.h - what `postern replay` says at its end, for people and as JSON. */
#ifndef POSTERN_REPLAY_SUMMARY_H
#define POSTERN_REPLAY_SUMMARY_H

#include <stdint.h>
#include <stdio.h>

#include "conf/conf.h"
#include "postern/forecast.h"
#include "postern/intake.h"
#include "watch/watch.h"

struct replay_summary {
	const struct conf *conf;
	const struct intake *intake;
	struct forecast *forecast;
	struct watch_counts watch;
	uint64_t events, other_ports, records_lost, took_ms;
	uint64_t first_us, last_us;       /* of the records; 0 = there was none */
	uint64_t late, late_most_us;      /* events that could not be put in order */
	uint64_t order_records, order_us; /* what can be */
};

void replay_summary_print(const struct replay_summary *s, FILE *to);
/* One object and a newline. 0, -ENOMEM or -EIO. */
int replay_summary_print_json(const struct replay_summary *s, FILE *to);

#endif
