/* Zone-based services of gateways (cpns-model.md flow 11). */
#include "sim/scenario/fields_table.h"

static const struct field exhibit_fields[] = {
    {"id", FIELD_ID, AT(raw_exhibit, id), .required = true, .doc = "Name of the exhibit."},
    {"at", FIELD_PLACE, AT(raw_exhibit, at), .required = true, .min = -FARTHEST, .max = FARTHEST,
     .doc = "Where it stands."},
};
static const struct section section_exhibit = {
    .name = "exhibits",
    .title = "exhibit",
    FIELDS(exhibit_fields),
    .bytes = sizeof(struct raw_exhibit),
    .doc = "What there is to be told about: a visitor is told about the nearest one, one whose "
           "device does not know where it is about the first."};

static const struct field zone_fields[] = {
    {"service", FIELD_TEXT, AT(raw_node, zone_service), .required = true,
     .doc = "Name of the zone-based service."},
    {"announce", FIELD_TIME, AT(raw_node, zone_announce), .fallback = "10 s", .min = 1e6,
     .max = 86400e9,
     .doc = "Time between announcements, which devices in reach hear outside a session."},
    {"information", FIELD_SIZE, AT(raw_node, zone_information), .fallback = "1 kB", .min = 1,
     .max = 64 * 1024,
     .doc = "Octets that a device showing text is told about an exhibit; audio takes 4 times, "
            "video 10 times as many."},
    {"gone_after", FIELD_TIME, AT(raw_node, zone_gone), .min = 1e6, .max = 86400e9,
     .doc = "A visitor that was not heard for so long has left, and its registration ends; 3 "
            "keep-alive periods without it."},
    {"exhibits", FIELD_LIST, AT(raw_node, zone_exhibits), .section = &section_exhibit,
     .doc = "What there is to be told about."},
};
const struct section section_zone = {
    .name = "zone",
    .title = "zone",
    FIELDS(zone_fields),
    .doc = "Zone-based service of a gateway. The members of its personal networks are visitors: "
           "they wait for an announcement, and their registration ends when they are gone.",
    .example = "nodes:\n"
               "  - {id: srv, role: server}\n"
               "  - {id: hall, role: gateway, uplink: {to: srv, link: fibre}, position: [0 m, 0 "
               "m],\n"
               "     zone: {service: tour, announce: 10 s, information: 2 kB,\n"
               "            exhibits: [{id: trilobite, at: [-5 m, 0 m]}, {id: mammoth, at: [5 m, 0 "
               "m]}]}}\n"
               "  - {id: visitor, role: pne, count: 20, attach: {to: hall, link: wlan},\n"
               "     mobility: {model: come-and-go, present: {exponential: 300 s}, absent: "
               "{exponential: 600 s}}}\n"};
