/* What has to come out: claims and metrics. */
#include "sim/scenario/fields_table.h"

const char *const words_hop[] = {"pne--gateway", "gateway--server", "server--server", NULL};

static const struct field expect_fields[] = {
    {"claim", FIELD_REF, AT(raw_expect, claim), .names = "claim",
     .doc = "A claim that has to hold; either claim or metric is required."},
    {"metric", FIELD_REF, AT(raw_expect, metric), .names = "metric",
     .doc = "A metric that has to lie within bounds."},
    {"subject", FIELD_TEXT, AT(raw_expect, subject), .names = "hop or message type",
     .doc =
         "What it is judged on: pne--gateway, gateway--server, server--server, or for metrics of "
         "messages a "
         "message type such as ServiceAccessRequest; everything without it."},
    {"min", FIELD_BOUND, AT(raw_expect, min), .doc = "Least value, in the metric's unit."},
    {"max", FIELD_BOUND, AT(raw_expect, max), .doc = "Largest value, in the metric's unit."},
};
const struct section section_expect = {
    .name = "expect",
    .title = "expectation",
    FIELDS(expect_fields),
    .bytes = sizeof(struct raw_expect),
    .doc = "What has to come out; judged from what was measured, it sets the exit code.",
    .example = "expect:\n"
               "  - {claim: no-plaintext-on-wire}\n"
               "  - {claim: mutual-authentication, subject: pne--gateway}\n"
               "  - {metric: setup_ms.p95, subject: pne--gateway, max: 400 ms}\n"
               "  - {metric: delivery_ratio, min: 99 %}\n"};

const struct claim claims[] = {
    {"no-plaintext-on-wire",
     "No protected payload or identity was found in the clear among the octets on the links."},
    {"mutual-authentication", "In every established session both ends proved who they are."},
    {"every-signalling-message-protected",
     "Every signalling message that is not exempt went through an established session."},
    {"witnesses-agree",
     "The two ends of each session say the same about it, and the tap on its link nothing else, "
     "unless an attack on it explains that."},
    {"no-unconfirmed-message", "Every message in a session was sent when both ends had established "
                               "it: none as 0-RTT data, which anybody may have sent."},
    {"confidentiality",
     "No eavesdropper found a message that went through a session among the octets of a link."},
    {"group-confidentiality", "No eavesdropper could read a message to a Service Group that "
                              "travelled outside the sessions."},
    {"exempt-confidentiality",
     "No eavesdropper could read another message that travelled outside the sessions."},
    {"identity-privacy", "No eavesdropper saw who the two ends of a session are."},
    {"integrity", "No record that was altered brought an altered message."},
    {"authenticity", "No record that was forged or sent back brought a message."},
    {"replay-protection", "No record that was sent again brought a message again."},
    {"ordering", "No record that came out of turn brought its message out of turn."},
    {"completeness", "A record that is missing, and the end of a stream, are noticed."},
    {"availability",
     "Messages that were held back arrive all the same; sessions that begin while somebody "
     "exhausts their server are established."},
    {"origin-authenticity", "No message was accepted in the name of somebody who did not send it."},
    {"end-to-end-confidentiality", "No curious relay could read what it handed on."},
    {"forward-secrecy",
     "No long-term key that was stolen opened a capture; unknown until `check --witness tshark`."},
    {"peer-authentication", "Nobody was taken for an end of a session without being it."},
    {"downgrade-protection",
     "No handshake succeeded that an attacker had robbed of what is strong, nor one after it with "
     "less than both ends can do."},
};
const size_t claim_count = SIM_ARRAY_LEN(claims);

const struct metric metrics[] = {
    {"setup_ms.mean", METRIC_MS, OF_HOP, "Mean time to set a session up."},
    {"setup_ms.p50", METRIC_MS, OF_HOP, "Median time to set a session up."},
    {"setup_ms.p95", METRIC_MS, OF_HOP, "95th percentile of the time to set a session up."},
    {"setup_ms.p99", METRIC_MS, OF_HOP, "99th percentile of the time to set a session up."},
    {"setup_ms.max", METRIC_MS, OF_HOP, "Longest time to set a session up."},
    {"revocation_ms.window", METRIC_MS, OF_HOP,
     "From the revocation of a certificate to the last session that was set up with it; no bound "
     "holds where it was never refused."},
    {"revocation_ms.access", METRIC_MS, OF_HOP,
     "From the revocation of a certificate until no session with it stood any more; no bound holds "
     "where one stood to the end."},
    {"latency_ms.mean", METRIC_MS, OF_MESSAGES, "Mean time from sending to delivery."},
    {"latency_ms.p50", METRIC_MS, OF_MESSAGES, "Median time from sending to delivery."},
    {"latency_ms.p95", METRIC_MS, OF_MESSAGES, "95th percentile of the time to delivery."},
    {"latency_ms.p99", METRIC_MS, OF_MESSAGES, "99th percentile of the time to delivery."},
    {"latency_ms.max", METRIC_MS, OF_MESSAGES, "Longest time from sending to delivery."},
    {"sessions.established", METRIC_COUNT, OF_HOP, "Sessions that both ends established."},
    {"sessions.failed", METRIC_COUNT, OF_HOP, "Sessions that failed."},
    {"messages.sent", METRIC_COUNT, OF_MESSAGES, "Messages sent."},
    {"messages.delivered", METRIC_COUNT, OF_MESSAGES, "Messages delivered."},
    {"messages.lost", METRIC_COUNT, OF_MESSAGES, "Messages lost."},
    {"messages.refused", METRIC_COUNT, OF_MESSAGES, "Messages refused."},
    {"delivery_ratio", METRIC_RATIO, OF_MESSAGES, "Messages delivered of those sent."},
    {"flow_ms.mean", METRIC_MS, OF_FLOWS, "Mean duration of a flow that was done."},
    {"flow_ms.p50", METRIC_MS, OF_FLOWS, "Median duration of a flow that was done."},
    {"flow_ms.p95", METRIC_MS, OF_FLOWS, "95th percentile of the duration of a flow."},
    {"flow_ms.p99", METRIC_MS, OF_FLOWS, "99th percentile of the duration of a flow."},
    {"flow_ms.max", METRIC_MS, OF_FLOWS, "Longest duration of a flow that was done."},
    {"interruption_ms.mean", METRIC_MS, OF_FLOWS, "Mean interruption of a flow that had one."},
    {"interruption_ms.p50", METRIC_MS, OF_FLOWS, "Median interruption of a flow that had one."},
    {"interruption_ms.p95", METRIC_MS, OF_FLOWS, "95th percentile of the interruptions."},
    {"interruption_ms.p99", METRIC_MS, OF_FLOWS, "99th percentile of the interruptions."},
    {"interruption_ms.max", METRIC_MS, OF_FLOWS, "Longest interruption of a flow."},
    {"flows.begun", METRIC_COUNT, OF_FLOWS, "Flows begun."},
    {"flows.done", METRIC_COUNT, OF_FLOWS, "Flows that were done."},
    {"flows.refused", METRIC_COUNT, OF_FLOWS, "Flows that somebody refused."},
    {"flows.timeout", METRIC_COUNT, OF_FLOWS, "Flows that nobody answered."},
    {"flows.failed", METRIC_COUNT, OF_FLOWS, "Flows that broke in the middle."},
    {"flows.open", METRIC_COUNT, OF_FLOWS, "Flows that were not over when the run ended."},
    {"flows.interrupted", METRIC_COUNT, OF_FLOWS, "Flows that were interrupted."},
};
const size_t metric_count = SIM_ARRAY_LEN(metrics);
