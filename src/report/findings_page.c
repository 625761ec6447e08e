/* findings_page.c - docs/FINDINGS.md: the findings from their tables, between texts that stand here.
 *
 * The page is one file for its readers, so all of it is made (postern help findings > docs/FINDINGS.md), and a test holds the two
 * together. Whoever adds a field to the records tells of it in `behind`.
 */
#include "report/advice.h"

/* clang-format off */
static const char *const before[] = {
	"# Findings and records",
	"",
	"What posternd and `postern read` tell, and what to do about it. One record is one JSON line; `event_type` says of which kind. The field names are those of",
	"Suricata's EVE form where that has one.",
	"",
	"| `event_type` | one for each | what it holds |",
	"|---|---|---|",
	"| `smtp` | mail transaction, and connection without one | envelope, each recipient with reply and `outcome`, reply to the end of data |",
	"| `flow` | connection | times, packets, bytes, how it ended |",
	"| `alert` | finding that is told | `alert` (what), `finding` (how sure, what was done, evidence), `incident` (how often) |",
	"| `stats` | `log.stats` | counters since the start; `kernel.rules` is those of the table |",
	"| `budget` | source that went over `log.per-source`, and time over `log.total` or with a disk nearly full (`log.keep-free`) | how many records were left out, and the sums of what they would have told (FORMATS.md, with the other forms of all of these) |",
	"",
	"`flow_id` joins the records of one connection, `tx_id` those of one transaction in it. `postern.config` is the hash that `postern check` shows, `postern.rule`",
	"the rule that let the connection through, `postern.direction` what it is: inbound, outbound, internal or transit, as `home` and `servers` have it.",
	"",
	"## The findings",
	"",
	"Severity 1 is the worst, 4 the mildest; a range depends on the circumstance that is named."
};

static const char *const behind[] = {
	"",
	"`alert.action` is `blocked` if Postern or its rules stopped the thing, else `allowed`. `finding.outcome` says how the server answered, or who answered in its place:",
	"",
	"| `outcome` | the recipient or mail |",
	"|---|---|",
	"| `refused-by-server` | got a 4xx or 5xx of the server |",
	"| `refused-by-postern` | got one of ours, 4xx (deferred) or 5xx |",
	"| `accepted` | got a 2xx |",
	"| `unanswered` | was not answered while the connection lasted |",
	"| `accepted-at-end-of-data` | and the mail itself got a 2xx, too |",
	"| `bounced` | came back |",
	"| `confirmed` | was seen leaving |",
	"",
	"`finding.would` is there when something else would have been done: what `mode = enforce` does. `finding.verified` is false where the source address may be forged. `finding.user`: the user, where one is tried from many sources.",
	"",
	"## The fields",
	"",
	"A field is left out where there is nothing to say. Text is as it was sent; bytes that are no UTF-8, and control characters, are `\\xNN`. Text that was longer than",
	"its place is cut, and `NAME_cut` beside it is true.",
	"",
	"| in every record | |",
	"|---|---|",
	"| `timestamp` | of `smtp`: its beginning; of `flow`: the end; else when it was told |",
	"| `flow_id`, `in_iface`, `vlan` | the connection, the interface and the VLANs of its first packet |",
	"| `src_ip`, `src_port`, `dest_ip`, `dest_port`, `proto`, `app_proto`, `community_id` | its ends; `src` is the SMTP client in every record |",
	"| `nat` | the same ends as the outside sees them, where addresses are translated |",
	"| `host`, `postern` | who tells; `version`, `schema`, `mode`, `config`, `rule`, `direction`; `self`, where the gateway itself is client or server |",
	"| `tx_id` | the mail transaction in the connection, from 1 |",
	"",
	"| in `smtp` | |",
	"|---|---|",
	"| `helo`, `mail_from`, `mail_code`, `mail_text`, `mail_ms` | greeting and sender, with the answer to the sender, and when it came |",
	"| `rcpt_to`, `rcpt` | the recipients; in `rcpt` each with `path`, `code`, `text`, `outcome`, and `ms` since the record's `timestamp`. Judged ones with `ours`, `form` (FORMS.md) and `final_domain`; `hold_ms` is how long the reply is held back, or less where room grows short; `uncertain`: the connection was not known well enough to refuse anything |",
	"| `rcpt_count`, `rcpt_accepted`, `rcpt_refused`, `rcpt_foreign`, `rcpt_cut`, `rcpt_ms` | how many there were; so many are not in the lists, and when the last came |",
	"| `client_ours` | the client may relay: by its address, or authenticated |",
	"| `reply`, `reply_text`, `queue_id` | the answer that decided, and the server's own number of the mail, if it names one |",
	"| `message_id`, `size`, `data_ms`, `final` | of the mail; when its body was answered (or, not `final`, that it was not wanted) |",
	"| `opened`, `midstream` | in the first record of a connection, its beginning; the beginning was missed |",
	"| `commands`, `commands_cut` | what was said beside the envelope since the record before, up to 64: `verb` (GREETING, EHLO, AUTH, TLS, VRFY ...), `ms` (negative: before the transaction), `code`, `text`; of a greeting `name` and `starttls` (offered or masked), of AUTH `mech`, `user` and `in_clear`, of TLS `version`, `sni`, `implicit`; so many more |",
	"| `tls`, `auth` | the connection went under TLS; AUTH with `mech`, `code`, `result` |",
	"| `pipelined`, `bdat`, `gap` | how it came; gap: bytes of it are missing |",
	"| `starttls`, `vrfy`, `expn`, `auth_failures`, `oddities` | code of the answer to STARTTLS, how many of these commands, refused logins, and what no honest peer does |",
	"| `end_ms` | when it ended |",
	"| `end` | completed, refused, reset (by RSET or a new greeting), starttls, closed, lost (bytes are missing, or the connection vanished) |",
	"| `source` | wire or pcap |",
	"",
	"| in `flow` | |",
	"|---|---|",
	"| `start`, `end`, `state`, `reason` | closed (fin), reset (rst), reset_by_postern (policy), timeout, evicted (forced): there was no room to follow it |",
	"| `pkts_toserver`, `pkts_toclient`, `bytes_toserver`, `bytes_toclient` | the bytes are TCP payload; what was resent counts once |",
	"| `transactions`, `held`, `held_ms` | mails begun; replies that were held back, and for how long in all |",
	"| `tls` | `version`, `sni` |",
	"| `dnsbl` | of the lists that the client is on, as far as they answered in time: `zone`, `codes` |",
	"| `greeted` | the server has greeted |",
	"| `skipped_bytes`, `midstream`, `one_sided` | what was not read: bytes that never came, a start that was missed, a side that is not seen here |",
	"",
	"| in `alert`, `finding`, `incident` | |",
	"|---|---|",
	"| `signature_id`, `gid`, `rev`, `rule`, `signature`, `category`, `severity`, `metadata` | the finding's row above; `mitre_technique_id` where ATT&CK has one |",
	"| `action` | of `alert`: allowed or blocked; of `finding`: what Postern did, as the configuration calls it |",
	"| `would` | what enforce mode, or certainty, would have done, if that is something else |",
	"| `value`, `limit`, `baseline`, `window_s` | what was measured, against what: foreign recipients, sequences, answers, transactions in clear, packets |",
	"| `measure`, `block` | of `volume.*`: what `value` counts (messages, recipients, connections, bytes, destinations); the title of the `volume` block |",
	"| `form`, `outcome`, `verified`, `pooled`, `evidence` | how, with which end, whether the source is sure, whether it stands for many; up to five lines |",
	"| `id`, `state`, `count`, `rule_count`, `first_seen`, `last_seen`, `before` | of the incident: below |",
	"| `source`, `target` | of the incident: the address or network, or the recipient or server, that it is about; neither, where it is of many or of the gate itself |",
	"| `facets[]` | of a summary: `rule`, `signature_id`, `severity` (the worst), `count`, `first_seen`, `last_seen` of each rule |",
	"| `acked` | who knows of it: `at`, `uid`, `reason` |",
	"",
	"The numbers in `stats` are counters since the start, in groups: `flow`, `smtp` and the like of the inspection, `session.read_share` (the share of sessions that was",
	"read down to RCPT), `watch`, `report`, and, live, `kernel`, `tap`, `refused`, `ring`, `dnsbl`.",
	"",
	"With `privacy`, the local part of each address, in paths, replies, evidence and Message-IDs, is `hash-` and 16 digits, the same for the same local part as long as",
	"`privacy.key` beside the store is the same. Domains, the null sender and postmaster stay; of answers to VRFY and EXPN the status code.",
	"",
	"## Incidents",
	"",
	"All that is found about one source in one direction is one incident: a source is an IPv4 address, an IPv6 /64, or the prefix that a volume block counts as one. Where many",
	"sources join against one target (`volume.target`), it is the target's: a recipient, or the server. The rules are its *facets*. Told are the first finding of an incident (`state` open), the",
	"first one of each further rule, and later ones when the number of their rule (`rule_count`) has doubled, or one is more severe than all of its rule before, or is its first that was not",
	"stopped (grown): nothing hides behind a louder rule. When nothing came for ten minutes (`watch.quiet`), a summary (closed): the worst rule, and in `facets` each one with its count, first and last",
	"time. So count with `incident.count`, not with lines. Who comes back later has another incident; `incident.before` is the one before it, of the same source or target, when its last",
	"finding is no older than a week.",
	"",
	"How a host simply talks (`sender.foreign`, `auth.clear`, `tls.old`, `starttls.unused`, `header.leak`, the milder `evasion`) is an incident beside, which goes on until a day is quiet. When",
	"too many sources have incidents within ten minutes (1000 for refused tries, 4096 for severity 1, 4096 for what is muted, 4096 for the rest), what is found about further ones is one incident for each",
	"direction and server (`finding.pooled`). `audit` is told each time; what is about the gate itself has an incident for each rule.",
	"",
	"`postern ack ID` says that somebody knows of it (`state` acked, `incident.acked`, told once): it is told again only for another rule, something more severe or the first that was not stopped, and",
	"has to be acknowledged again then. `postern mute ADDRESS` keeps a source's findings from being told for a time (where many sources join against one target, it is the server's address that counts); they are counted, and what is done about them is done. A `suppress` block of the",
	"configuration, for what is known and stays so, silences what is told and what would be done about the source (block, limit, slow); `postern status` and `postern incidents --suppressed` show",
	"what it hides. `postern incidents ID` shows one incident whole: facets, evidence, up to five envelopes (the first, and those of what was new or worse), what was done.",
	"",
	"```",
	"jq -c 'select(.event_type == \"alert\" and .alert.severity <= 2 and .incident.state != \"closed\") | [.timestamp, .alert.rule, .src_ip, .dest_ip, .finding.evidence[0]]' /var/log/postern/eve.json",
	"```"
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void print_lines(FILE *to, const char *const *lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(to, "%s\n", lines[i]);
}

static void print_technique(FILE *to, const char *technique)
{
	const char *dot = strchr(technique, '.');

	if (technique[0] == '\0')
		fputs(" | ", to);
	else if (dot)
		fprintf(to, " | [%s](https://attack.mitre.org/techniques/%.*s/%s/)", technique,
		        (int)(dot - technique), technique, dot + 1);
	else
		fprintf(to, " | [%s](https://attack.mitre.org/techniques/%s/)", technique, technique);
}

void advice_print_page(FILE *to)
{
	print_lines(to, before, COUNT(before));
	fputs("\n| id | rule | severity | ATT&CK | what it means | likely cause | what to do |\n"
	      "|---|---|---|---|---|---|---|\n",
	        to);
	for (unsigned i = 0; i < FINDING_KIND_COUNT; i++) {
		const struct finding_kind *kind = finding_kind_at(i);
		const struct advice *a = &advices[i];

		fprintf(to, "| %u | `%s` | %s", kind->id, kind->rule, a->severity);
		print_technique(to, kind->technique);
		fprintf(to, " | %s | %s | %s |\n", a->meaning, a->cause, a->remedy);
	}
	print_lines(to, behind, COUNT(behind));
}
