#include "sim/world/tables.h"

static const struct record_column revoked_columns[] = {
    {"entity_id", RECORD_INTEGER, false, "", "Entity whose certificate it is", "entity(entity_id)"},
    {"at_ns", RECORD_INTEGER, false, "ns", "When the CA revokes it; 0: before the run", NULL},
};

const struct record_table table_revoked = {
    .name = "revoked",
    .doc = "A certificate that the CA revokes",
    .columns = revoked_columns,
    .column_count = SIM_ARRAY_LEN(revoked_columns),
    .keyed = false,
    .indexes = NULL,
};

static const struct record_column list_columns[] = {
    {"number", RECORD_INTEGER, false, "", "Number of the list, from 1 (RFC 5280 5.2.3)", NULL},
    {"this_update_ns", RECORD_INTEGER, false, "ns", "Issued, and good from then on", NULL},
    {"next_update_ns", RECORD_INTEGER, false, "ns", "Good until then", NULL},
    {"entries", RECORD_INTEGER, false, "", "Certificates on it", NULL},
    {"bytes", RECORD_INTEGER, false, "octets", "Its length", NULL},
};

const struct record_table table_revocation_list = {
    .name = "revocation_list",
    .doc = "One issue of the CA's revocation list (CRL), where the scenario has `revocation`",
    .columns = list_columns,
    .column_count = SIM_ARRAY_LEN(list_columns),
    .keyed = false,
    .indexes = NULL,
};

static const struct record_column fetch_columns[] = {
    {"entity_id", RECORD_INTEGER, false, "", "Who asked", "entity(entity_id)"},
    {"what", RECORD_TEXT, false, "ocsp|crl", "The status of its own certificate, or the list",
     NULL},
    {"certificates", RECORD_TEXT, true, "", "Kind of key in that certificate; NULL: the list",
     NULL},
    {"asked_ns", RECORD_INTEGER, false, "ns", "When it began", NULL},
    {"over_ns", RECORD_INTEGER, false, "ns", "When the answer was there, or was given up", NULL},
    {"outcome", RECORD_TEXT, false, "",
     "good, and from then on stapled or looked at; revoked, unknown: said the responder; timeout, "
     "connect failed, connection lost, unreachable: it said nothing; unsuccessful, malformed, "
     "unauthorized, other certificate, wrong nonce, expired, not yet valid: what it said counts "
     "for nothing",
     NULL},
    {"request_bytes", RECORD_INTEGER, false, "octets",
     "Of the request on the TCP stream; 0: not over the network, or not connected", NULL},
    {"response_bytes", RECORD_INTEGER, false, "octets", "Of the response on the TCP stream", NULL},
    {"this_update_ns", RECORD_INTEGER, true, "ns", "What it says is good from then on; OCSP", NULL},
    {"next_update_ns", RECORD_INTEGER, true, "ns", "And until then", NULL},
};

const struct record_table table_status_fetch = {
    .name = "status_fetch",
    .doc = "One question to the CA's responder, where the scenario has `revocation`",
    .columns = fetch_columns,
    .column_count = SIM_ARRAY_LEN(fetch_columns),
    .keyed = false,
    .indexes = "entity_id",
};
