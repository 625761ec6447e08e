/* replay_summary.c - see replay_summary.h. Both forms say the same, but that words about the configuration come first and not
 * here (unjudged.h); docs/FORMATS.md has the names of the JSON.
 */
#include "postern/replay_summary.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "base/clock.h"
#include "postern/plural.h"
#include "postern/unjudged.h"
#include "posternd/protocol.h"
#include "report/field.h"

enum { REAL_DIGITS = 15 }; /* what a double holds of a decimal number: 0.03 stays 0.03 */
static const char *const mode_names[] = { POLICY_MODE_NAMES };

/* ", 2 lines again"; nothing of none. */
static void say_count(FILE *to, uint64_t count, const char *noun, const char *what)
{
	if (count > 0)
		fprintf(to, ", %" PRIu64 "%s%s%s", count, noun, *noun ? plural(count) : "", what);
}

static void print_read(const struct replay_summary *s, FILE *to)
{
	struct intake_counts in = intake_counts(s->intake);
	char from[CLOCK_TEXT_MAX] = "", until[CLOCK_TEXT_MAX] = "";

	fprintf(to,
	        "postern replay: %" PRIu64 " record%s, %" PRIu64 " other%s passed over, %" PRIu64
	        " bad line%s",
	        in.records, plural(in.records), in.others, plural(in.others), in.bad, plural(in.bad));
	say_count(to, in.repeated, " line", " again that were read before");
	say_count(to, in.foreign, "", " of other programs, which do not say how each recipient was answered");
	fprintf(to, "; %" PRIu64 " event%s, %" PRIu64 " finding%s; %" PRIu64 ".%03u s\n", s->events,
	        plural(s->events), (uint64_t)s->watch.findings, plural(s->watch.findings), s->took_ms / 1000,
	        (unsigned)(s->took_ms % 1000));
	if (s->first_us > 0)
		fprintf(to, "from %.19s to %.19s\n", clock_print(s->first_us, from),
		        clock_print(s->last_us, until));
}

/* Of what was read, this could not be judged as it was. */
static void print_order(const struct replay_summary *s, FILE *to)
{
	if (s->late > 0)
		fprintf(to,
		        "%" PRIu64 " event%s came too late for the order of time, by %" PRIu64
		        " s at most: up to %" PRIu64 " records and %" PRIu64
		        " s are put in order; name the oldest file first\n",
		        s->late, plural(s->late), s->late_most_us / 1000000, s->order_records,
		        s->order_us / 1000000);
	if (s->other_ports > 0)
		fprintf(to,
		        "left out: %" PRIu64
		        " connection%s to ports that this configuration does not guard\n",
		        s->other_ports, plural(s->other_ports));
}

/* Of files that could not be read nobody knows why there is none in them. */
static void print_emptiness(const struct intake_counts *in, FILE *to)
{
	const char *why = in->bad > 0 && in->others == 0
	                          ? " (they are no eve.json; of a capture postern read makes one)"
	                  : in->unread > 0 ? ""
	                                   : " (log.alerts-only leaves them out)";

	if (in->records == 0)
		fprintf(to, "there is no record of mail in them: nothing could be judged%s\n", why);
}

void replay_summary_print(const struct replay_summary *s, FILE *to)
{
	struct intake_counts in = intake_counts(s->intake);
	uint64_t findings_lost = s->watch.findings_lost, windows_lost = s->watch.windows_lost;

	print_read(s, to);
	print_order(s, to);
	forecast_print(s->forecast, to);
	print_emptiness(&in, to);
	intake_print_missing(s->intake, to);
	if (windows_lost > 0)
		fprintf(to,
		        "%" PRIu64
		        " window%s of volume limits ended early for want of room: raise watch.sources\n",
		        windows_lost, plural(windows_lost));
	if (findings_lost > 0 || s->records_lost > 0)
		fprintf(to, "postern replay: lost: %" PRIu64 " finding%s, %" PRIu64 " record%s\n",
		        findings_lost, plural(findings_lost), s->records_lost, plural(s->records_lost));
}

static void set_read(json_t *o, const struct replay_summary *s)
{
	struct intake_counts in = intake_counts(s->intake);

	field_set_text(o, "mode", mode_names[policy_settings(s->conf->policy)->mode]);
	field_set_text(o, "configuration", s->conf->path);
	field_set_text(o, "config", s->conf->hash);
	field_set_uint(o, "files", in.files);
	field_set_uint(o, "records", in.records);
	field_set_uint(o, "others", in.others);
	field_set_uint(o, "foreign", in.foreign);
	field_set_uint(o, "repeated", in.repeated);
	field_set_uint(o, "events", s->events);
	field_set_uint(o, "findings", s->watch.findings);
	if (s->first_us > 0) {
		field_set_time(o, "first", s->first_us);
		field_set_time(o, "last", s->last_us);
	}
	field_set(o, "took_s", json_real((double)s->took_ms / 1000));
	field_set_nonzero(o, "late_events", s->late);
	field_set_nonzero(o, "late_most_s", s->late_most_us / 1000000);
	field_set_nonzero(o, "unguarded_connections", s->other_ports);
}

int replay_summary_print_json(const struct replay_summary *s, FILE *to)
{
	json_t *o = protocol_new("replay");
	int rc;

	if (!o)
		return -ENOMEM;
	set_read(o, s);
	unjudged_set_json(s->conf->policy, o);
	forecast_set_json(s->forecast, o);
	field_set(o, "complete", json_boolean(!intake_is_incomplete(s->intake)));
	field_set(o, "missing", intake_missing_json(s->intake));
	field_set_nonzero(o, "windows_lost", s->watch.windows_lost);
	field_set_nonzero(o, "findings_lost", s->watch.findings_lost);
	field_set_nonzero(o, "records_lost", s->records_lost);
	rc = json_dumpf(o, to, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) == 0 && fputc('\n', to) != EOF
	             ? 0
	             : -EIO;
	json_decref(o);
	return rc;
}
