/* What the CA says of certificates while time goes by. */
#include "sim/scenario/fields_table.h"

static const char *const words_signer[] = {"ca", "delegate", NULL};

static const struct field revocation_fields[] = {
    {"responder", FIELD_TEXTS, AT(raw_scenario, responder), .names = "server selector",
     .doc = "Servers that answer OCSP requests and hand out the list, over the network; the CA is "
            "with the first. Who asks goes to his own server, where it is one of them. Without "
            "this both are where they are needed as soon as the CA has made them."},
    {"signer", FIELD_WORD, AT(raw_scenario, signer), .fallback = "ca", .words = words_signer,
     .doc = "Who signs OCSP responses: the CA, or a delegate with a certificate of its own for "
            "that (id-kp-OCSPSigning)."},
    {"nonce", FIELD_BOOL, AT(raw_scenario, nonce), .fallback = "false",
     .doc = "Whether requests carry a nonce that the response has to repeat."},
    {"ocsp_lifetime", FIELD_TIME, AT(raw_scenario, ocsp_lifetime), .fallback = "1 h", .min = 1e9,
     .max = 9 * YEAR_NS, .doc = "How long an OCSP response counts, from thisUpdate to nextUpdate."},
    {"ocsp_refresh", FIELD_TIME, AT(raw_scenario, ocsp_refresh), .min = 1e9, .max = 9 * YEAR_NS,
     .doc = "How often gateways and servers fetch the response that they staple; half its lifetime "
            "without it."},
    {"crl_every", FIELD_TIME, AT(raw_scenario, crl_every), .fallback = "12 h", .min = 1e9,
     .max = 9 * YEAR_NS, .doc = "How often the list is issued anew; the first one at 0 s."},
    {"crl_lifetime", FIELD_TIME, AT(raw_scenario, crl_lifetime), .fallback = "1 d", .min = 1e9,
     .max = 9 * YEAR_NS, .doc = "How long a list counts, from thisUpdate to nextUpdate."},
};
const struct section section_revocation = {
    .name = "revocation",
    .title = "revocation",
    FIELDS(revocation_fields),
    .doc = "How what the CA says of certificates changes in the run, and how it gets to where it "
           "is needed. Without this, what the CA says at the start counts for the whole run. "
           "Gateways and servers fetch from the responder, OCSP responses by POST (RFC 6960 "
           "appendix A) and lists by GET, each over a TCP connection to port 80; PNEs have no way "
           "there and get a list when it is issued. While the first responder is silent, "
           "no list is issued. A response or list that is too old counts for nothing. A session "
           "that stands "
           "is not looked at again: session_lifetime bounds it.",
    .example = "security:\n"
               "  policies:\n"
               "    checked: {extends: bcp195, crl: true, ocsp: true, session_lifetime: 30 s}\n"
               "  pne_gateway: checked\n"
               "  revocation: {responder: srv, ocsp_lifetime: 40 s, crl_every: 60 s, crl_lifetime: "
               "90 s}\n"};
