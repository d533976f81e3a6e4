/* Personal networks and Service Groups. */
#include "sim/scenario/fields_table.h"

static const char *const words_joining[] = {"open", "closed", NULL};
static const char *const words_ask[] = {"on-request", "after-registration", NULL};

static const struct field establishment_fields[] = {
    {"type", FIELD_INTEGER, AT(raw_pn, type), .fallback = "1", .min = 1, .max = 3,
     .doc =
         "Type of the establishment request: 1 the asking PNE and the gateway, 2 all PNEs paired "
         "with the gateway, 3 the listed members."},
    {"by", FIELD_TEXT, AT(raw_pn, by), .fallback = "members", .names = "PNE selector",
     .doc = "Who asks: every member for itself (the word members), or one member."},
    {"at", FIELD_TIME_DIST, AT(raw_pn, at), .fallback = "0 s", .max = 100 * YEAR_NS,
     .doc = "When; a draw for each member that asks."},
};
static const struct section section_establishment = {.name = "establishment",
                                                     .title = "establishment",
                                                     FIELDS(establishment_fields),
                                                     .always = true,
                                                     .doc = "How the network comes to be."};

static const struct field pn_fields[] = {
    {"id", FIELD_ID, AT(raw_pn, id), .required = true, .slash = true,
     .doc = "Name of the personal network."},
    {"alias", FIELD_TEXT, AT(raw_pn, alias), .doc = "Name it registers with; the id without it."},
    {"gateway", FIELD_TEXT, AT(raw_pn, gateway), .required = true, .names = "gateway selector",
     .doc = "Its gateway at the start, exactly one; a PNE with standby stands for the gateway on "
            "its device."},
    {"members", FIELD_TEXTS, AT(raw_pn, members), .names = "PNE selector",
     .doc = "Its PNEs, attached to that gateway (any, where the gateway is on the device of a "
            "PNE); without it all PNEs attached to that gateway."},
    {"establishment", FIELD_MAP, AT(raw_pn, establishment), .section = &section_establishment,
     .doc = "How it comes to be."},
    {"candidates", FIELD_TEXTS, AT(raw_pn, candidates), .names = "PNE selector",
     .doc = "PNEs, attached to that gateway, that are no members but may be added later."},
    {"admin", FIELD_TEXT, AT(raw_pn, admin), .names = "PNE selector",
     .doc = "Its administrator, one of its members. Then nobody else but the gateway may release "
            "it, add or remove members; without it every member may release it and add others."},
    {"capabilities", FIELD_WORD, AT(raw_pn, capabilities), .fallback = "on-request",
     .words = words_ask,
     .doc = "When the server asks the members what they can do: when the workload says so, or "
            "each one after its registration too."},
};
const struct section section_pn = {
    .name = "personal_networks",
    .title = "personal network",
    FIELDS(pn_fields),
    .bytes = sizeof(struct raw_pn),
    .doc = "Personal networks. A PNE may be in several; the first is the active one. Without this "
           "section there is one for each gateway that has PNEs, "
           "named pn-GATEWAY, of type 1, by members, at 0 s.",
    .example =
        "personal_networks:\n"
        "  - {id: ward, gateway: gw/1, establishment: {type: 1, by: members, at: {uniform: [0 "
        "s, 5 s]}}}\n"
        "  - {id: clinic, gateway: gw/2, members: [pne/2, pne/4, pne/6],\n"
        "     establishment: {type: 3, by: pne/2, at: 1 s}}\n"};

static const struct field group_fields[] = {
    {"id", FIELD_ID, AT(raw_group, id), .required = true, .doc = "Name of the Service Group."},
    {"owner", FIELD_TEXT, AT(raw_group, owner), .required = true, .names = "PNE selector",
     .doc = "The PNE that creates it, exactly one."},
    {"members", FIELD_TEXTS, AT(raw_group, members), .required = true, .names = "PNE selector",
     .doc = "The PNEs that join it, at any gateway; the owner belongs to it without being named."},
    {"service", FIELD_TEXT, AT(raw_group, service), .doc = "Its service; the id without it."},
    {"joining", FIELD_WORD, AT(raw_group, joining), .fallback = "open", .words = words_joining,
     .doc = "Whether the owner has to approve who joins (closed)."},
    {"at", FIELD_TIME, AT(raw_group, at), .fallback = "0 s", .max = 100 * YEAR_NS,
     .doc =
         "Earliest time of its creation; it waits for the owner's personal network in any case."},
    {"unwilling", FIELD_TEXTS, AT(raw_group, unwilling), .names = "PNE selector",
     .doc = "PNEs that say no when they are invited, or asked to own it; none without it."},
    {"protection", FIELD_LATER, AT(raw_group, later), .doc = "Protection of this group."},
};
const struct section section_group = {
    .name = "service_groups",
    .title = "service group",
    FIELDS(group_fields),
    .bytes = sizeof(struct raw_group),
    .doc = "Service Groups.",
    .example = "service_groups:\n"
               "  - {id: vitals, owner: pne/1, members: [pne/2..10, pne/30], service: heart-rate, "
               "joining: open}\n"};
