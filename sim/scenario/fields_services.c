/* Services of PNEs: who may find and use them (US9071617). */
#include "sim/scenario/fields_table.h"

static const char *const words_openness[] = {"private", "pn", "group", "public", NULL};
static const char *const words_confirm[] = {"none", "owner", NULL};

static const struct field service_fields[] = {
    {"id", FIELD_ID, AT(raw_service, id), .required = true,
     .doc = "The service, as it is registered, searched for and used."},
    {"name", FIELD_TEXT, AT(raw_service, name), .doc = "Its name for people; the id without it."},
    {"content", FIELD_TEXT, AT(raw_service, content),
     .doc = "What it offers, in words; a search finds these too."},
    {"provider", FIELD_TEXT, AT(raw_service, provider), .required = true, .names = "PNE selector",
     .doc = "The PNE that offers it, exactly one; it registers the service once it is in its "
            "personal network."},
    {"openness", FIELD_WORD, AT(raw_service, openness), .fallback = "pn", .words = words_openness,
     .doc = "Who may find and use it: the provider alone, its personal network, a Service Group "
            "(`group`), or everybody."},
    {"group", FIELD_REF, AT(raw_service, group), .names = "service group",
     .doc = "With openness group: the Service Group whose members may."},
    {"confirm", FIELD_WORD, AT(raw_service, confirm), .fallback = "none", .words = words_confirm,
     .doc = "owner: the provider is asked about everybody whose search would find it; only whom "
            "it confirmed may use it."},
    {"allow", FIELD_TEXTS, AT(raw_service, allow), .names = "PNE selector",
     .doc = "With confirm owner: whom the provider confirms; everybody without it."},
    {"at", FIELD_TIME, AT(raw_service, at), .fallback = "0 s", .max = 100 * YEAR_NS,
     .doc = "Earliest time of its registration."},
};
const struct section section_service = {
    .name = "services",
    .title = "service",
    FIELDS(service_fields),
    .bytes = sizeof(struct raw_service),
    .doc = "Services that PNEs register with the server. Besides these every PNE and the server "
           "offer `echo` to everybody, which gives back what it is sent; it is not registered.",
    .example = "services:\n"
               "  - {id: heart-rate, provider: pne/3, openness: group, group: vitals}\n"
               "  - {id: photos, provider: pne/1, openness: public, confirm: owner, allow: "
               "pne/2..5}\n"};
