/* fuzz_records.c - a capture of both sides, through inspect, watch and report: each line that comes out is a JSON
 * object, or text, of bounded length, none is lost.
 *
 * First byte of the input: 1 = lines for people instead of JSON, 2 = only 16 connections remembered, 4 = ECS instead of
 * EVE, 8 = CEF instead of lines for people, 16 = syslog instead of those, 32 = six records of a source in a minute.
 * Orders: C, S (whose text follows); p N, another connection; t N: so many seconds pass.
 */
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "engine.h"
#include "postern/finding.h"
#include "report/eve.h"
#include "report/writer.h"
#include "watch/watch.h"

enum { OUT_ROOM = 1 << 20 };

static struct {
	struct watch *watch;
	struct eve *eve;
	struct ring *findings;
	int fd; /* what eve writes */
} out = { .fd = -1 };

static void take_findings(void)
{
	const struct finding *f;

	for (; (f = ring_front(out.findings)); ring_pop(out.findings))
		eve_finding(out.eve, f);
}

static void on_event(const struct event *e)
{
	watch_event(out.watch, e);
	eve_event(out.eve, e);
	take_findings();
}

static enum eve_format format_of(uint8_t options)
{
	if (!(options & 1))
		return options & 4 ? EVE_FORMAT_ECS : EVE_FORMAT_JSON;
	if (options & 16)
		return options & 8 ? EVE_FORMAT_SYSLOG_CEF : EVE_FORMAT_SYSLOG;
	return options & 8 ? EVE_FORMAT_CEF : EVE_FORMAT_TEXT;
}

static void begin(const struct policy *policy, uint8_t options)
{
	static char path[64];
	struct eve_settings s = { .path = path,
		.format = format_of(options),
		.budget = { .source_records = options & 32 ? 6 : 0, .source_s = 60 },
		.host = "fuzz",
		.mode = "offline",
		.connections = options & 2 ? 16 : 64 };
	struct watch_settings w;
	char err[256];

	if (out.fd < 0) {
		out.fd = memfd_create("records", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", out.fd);
		out.findings = ring_new(64, sizeof(struct finding));
		engine.on_event = on_event;
	}
	FUZZ_CHECK(ftruncate(out.fd, 0) == 0);
	watch_settings_default(&w);
	w.connections = w.incidents = w.refused_sources = 16;
	out.watch = watch_new(&w, out.findings);
	out.eve = eve_open(&s, policy, err, sizeof(err));
	FUZZ_CHECK(out.watch && out.eve);
	engine_begin(policy, true);
}

static void check_lines(bool json)
{
	static char text[OUT_ROOM];
	ssize_t len = pread(out.fd, text, sizeof(text) - 1, 0);
	char *line, *end;

	FUZZ_CHECK(len >= 0);
	text[len] = '\0';
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		json_t *record =
		        json ? json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL) : NULL;

		FUZZ_CHECK(end - line <= WRITER_LINE_MAX && (!json || json_is_object(record)));
		json_decref(record);
		for (; line < end; line++)
			FUZZ_CHECK((unsigned char)*line >= ' ' || (!json && *line == '\t'));
	}
	FUZZ_CHECK(*line == '\0' || len == OUT_ROOM - 1);
}

static void end(bool json)
{
	engine_end();
	while (watch_finish(out.watch, engine.now_us) > 0)
		take_findings();
	take_findings();
	watch_free(out.watch);
	FUZZ_CHECK(eve_flush(out.eve) == 0 && eve_counts(out.eve).lost == 0);
	eve_close(out.eve);
	check_lines(json);
}

static void send_segment(unsigned side, uint16_t port, const uint8_t *text, size_t len)
{
	static uint8_t bytes[PACKET_ROOM];
	static uint32_t next[2][256];
	struct packet_spec spec = { .src = side ? ENGINE_SERVER : ENGINE_CLIENT,
		.dst = side ? ENGINE_CLIENT : ENGINE_SERVER,
		.sport = side ? 25 : port,
		.dport = side ? port : 25,
		.seq = next[side][port % 256],
		.ack = next[!side][port % 256],
		.flags = TCP_ACK | TCP_PSH,
		.payload = (const char *)text,
		.payload_len = (uint32_t)len,
		.meta_flags = PACKET_OFFLINE,
		.time_us = engine.now_us };
	struct packet meta;

	if (!text) {
		spec.flags = side ? TCP_SYN | TCP_ACK : TCP_SYN;
		spec.seq = 999;
	}
	next[side][port % 256] = text ? spec.seq + spec.payload_len : 1000;
	packet_build(&spec, bytes, &meta);
	engine.now_us += 1000;
	engine_packet(&meta, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy *policy;
	struct input in = { data, size };
	uint8_t options = input_byte(&in);
	uint16_t port = 40000;
	unsigned side = 1;
	struct step s = { .order = 'p' };

	if (!policy)
		policy = policy_make(MODE_MONITOR, ACTION_REFUSE_RECIPIENT);
	begin(policy, options);
	do {
		if (s.order == 'C' || s.order == 'S') {
			side = s.order == 'S';
		} else if (s.order == 'p') {
			port = (uint16_t)(40192 + s.number);
			send_segment(0, port, NULL, 0);
			send_segment(1, port, NULL, 0);
		} else if (s.order == 't') {
			engine.now_us += s.number * UINT64_C(1000000);
			inspect_tick(engine.inspect, engine.now_us);
			engine_take_events();
			watch_tick(out.watch, engine.now_us);
			take_findings();
		} else if (s.len > 0) {
			send_segment(side, port, s.text, s.len < 60000 ? s.len : 60000);
		}
	} while (input_step(&in, "CSpt", &s));
	end(!(options & 1));
	return 0;
}
