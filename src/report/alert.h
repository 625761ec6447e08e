/* alert.h - a finding to its `alert` record. */
#ifndef REPORT_ALERT_H
#define REPORT_ALERT_H

#include <jansson.h>

#include "postern/finding.h"
#include "report/frame.h"

/* cut: added to for each field that is cut. The caller owns the result. NULL = no memory. */
json_t *alert_record(struct frame *frame, const struct finding *f, uint64_t *cut);

/* Whose story it is, as incident.source (a prefix) or incident.target (a recipient or server) says it; of many, or of the
 * gate itself, nothing. */
void alert_set_whose(json_t *row, const struct finding *f);
/* What one rule has found in an incident, and who knows of it, as incident.facets[] and incident.acked say it. Likewise. */
json_t *alert_facet(const struct incident_facet *facet);
json_t *alert_ack(const struct incident_ack *ack);

#endif
