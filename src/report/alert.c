/* alert.c - see alert.h. */
#include "report/alert.h"

#include <string.h>

#include "postern/kind.h"
#include "report/field.h"
#include "report/words.h"

enum { ALERT_GID = 1, ALERT_REV = 1 };

static const struct finding_kind *kind_of(uint32_t id)
{
	static const struct finding_kind unknown = { 0, 4, "unknown", "Unknown finding", "Unknown", "" };
	const struct finding_kind *kind = finding_kind(id);

	return kind ? kind : &unknown;
}

static json_t *alert_object(const struct finding *f)
{
	const struct finding_kind *kind = kind_of(f->id);
	json_t *alert = json_object(), *metadata, *list;

	field_set_text(alert, "action", f->blocked ? "blocked" : "allowed");
	field_set_uint(alert, "gid", ALERT_GID);
	field_set_uint(alert, "signature_id", f->id);
	field_set_uint(alert, "rev", ALERT_REV);
	field_set_text(alert, "rule", kind->rule);
	field_set_text(alert, "signature", kind->signature);
	field_set_text(alert, "category", kind->category);
	field_set_uint(alert, "severity", f->severity);
	if (!*kind->technique)
		return alert;
	list = json_array();
	(void)json_array_append_new(list, json_string(kind->technique));
	metadata = json_object();
	field_set(metadata, "mitre_technique_id", list);
	field_set(alert, "metadata", metadata);
	return alert;
}

static json_t *evidence_list(const struct finding *f, uint64_t *cut)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < f->evidence_count && i < FINDING_EVIDENCE_MAX; i++) {
		(void)json_array_append_new(list, FIELD_OF(f->evidence[i]));
		*cut += f->evidence[i].cut;
	}
	return list;
}

static json_t *finding_object(const struct finding *f, uint64_t *cut)
{
	json_t *finding = json_object();

	if (f->measure > 0)
		field_set_text(finding, "measure", words_get(WORDS_MEASURE, f->measure - 1U));
	if (*f->block)
		field_set(finding, "block",
		        field_bytes(f->block, (unsigned)strnlen(f->block, sizeof(f->block))));
	field_set_nonzero(finding, "value", f->value);
	field_set_nonzero(finding, "limit", f->limit);
	field_set_nonzero(finding, "baseline", f->baseline);
	field_set_nonzero(finding, "window_s", f->window_s);
	if (f->rcpt_to.len > 0 && !finding_is_of_user(f))
		field_set_text(finding, "form", words_get(WORDS_FORM, f->form));
	if (f->outcome != OUTCOME_NONE)
		field_set_text(finding, "outcome", words_get(WORDS_OUTCOME, f->outcome));
	field_set_text(finding, "action", words_get(WORDS_ACTION, f->action));
	if (f->would != f->action)
		field_set_text(finding, "would", words_get(WORDS_ACTION, f->would));
	field_set(finding, "verified", json_boolean(f->verified));
	if (finding_is_of_user(f))
		field_set_cut(finding, "user", FIELD_OF(f->rcpt_to), f->rcpt_to.cut, cut);
	if (f->pooled)
		field_set(finding, "pooled", json_true());
	field_set(finding, "evidence", evidence_list(f, cut));
	return finding;
}

json_t *alert_facet(const struct incident_facet *facet)
{
	json_t *row = json_object();

	field_set_text(row, "rule", kind_of(facet->id)->rule);
	field_set_uint(row, "signature_id", facet->id);
	field_set_uint(row, "severity", facet->severity);
	field_set_uint(row, "count", facet->count);
	field_set_time(row, "first_seen", facet->first_us);
	field_set_time(row, "last_seen", facet->last_us);
	return row;
}

json_t *alert_ack(const struct incident_ack *ack)
{
	json_t *row = json_object();

	field_set_time(row, "at", ack->time_us);
	field_set(row, "uid", json_integer(ack->uid));
	if (*ack->reason)
		field_set(row, "reason",
		        field_bytes(ack->reason, (unsigned)strnlen(ack->reason, sizeof(ack->reason))));
	return row;
}

void alert_set_whose(json_t *row, const struct finding *f)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix source = finding_source(f);

	if (!finding_has_connection(f->id) || f->pooled || f->at_target > 1)
		return;
	if (!f->at_target)
		field_set_text(row, "source", prefix_print(&source, text));
	else if (f->rcpt_to.len > 0)
		field_set(row, "target", FIELD_OF(f->rcpt_to));
	else
		field_set_text(row, "target", addr_print(&f->conn.dst, text));
}

static json_t *facet_list(const struct incident_brief *brief)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < brief->facet_count && i < FINDING_KIND_COUNT; i++)
		(void)json_array_append_new(list, alert_facet(&brief->facets[i]));
	return list;
}

static json_t *incident_object(const struct finding *f)
{
	const struct incident_brief *brief = &f->incident;
	json_t *incident = json_object();

	field_set_uint(incident, "id", brief->id);
	field_set_text(incident, "state", words_get(WORDS_INCIDENT_STATE, brief->state));
	alert_set_whose(incident, f);
	field_set_nonzero(incident, "before", brief->before);
	field_set_uint(incident, "count", brief->count);
	field_set_uint(incident, "rule_count", brief->rule_count);
	field_set_time(incident, "first_seen", brief->first_us);
	field_set_time(incident, "last_seen", brief->last_us);
	if (brief->state != INCIDENT_OPEN && brief->facet_count > 0)
		field_set(incident, "facets", facet_list(brief));
	if (brief->ack.time_us > 0)
		field_set(incident, "acked", alert_ack(&brief->ack));
	return incident;
}

/* NULL when nothing of the dialogue is known. */
static json_t *smtp_object(const struct finding *f, uint64_t *cut)
{
	json_t *smtp, *list;

	if (f->helo.len == 0 && f->mail_from.len == 0 && (f->rcpt_to.len == 0 || finding_is_of_user(f)))
		return NULL;
	smtp = json_object();
	if (f->helo.len > 0)
		field_set_cut(smtp, "helo", FIELD_OF(f->helo), f->helo.cut, cut);
	if (f->mail_from.len > 0)
		field_set_cut(smtp, "mail_from", FIELD_OF(f->mail_from), f->mail_from.cut, cut);
	if (f->rcpt_to.len == 0 || finding_is_of_user(f))
		return smtp;
	list = json_array();
	(void)json_array_append_new(list, FIELD_OF(f->rcpt_to));
	field_set_cut(smtp, "rcpt_to", list, f->rcpt_to.cut, cut);
	return smtp;
}

json_t *alert_record(struct frame *frame, const struct finding *f, uint64_t *cut)
{
	json_t *record =
	        frame_record(frame, "alert", f->time_us, finding_has_connection(f->id) ? &f->conn : NULL);
	json_t *smtp = smtp_object(f, cut);

	if (f->tx_id > 0)
		field_set_uint(record, "tx_id", f->tx_id);
	field_set(record, "alert", alert_object(f));
	field_set(record, "finding", finding_object(f, cut));
	field_set(record, "incident", incident_object(f));
	if (smtp)
		field_set(record, "smtp", smtp);
	return record;
}
