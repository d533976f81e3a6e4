/* The tables of what entities held when the run ended (stores.c). */
#include "sim/world/tables.h"

#define HOLDER                                                                                     \
    {                                                                                              \
        "holder", RECORD_INTEGER, false, "", "Entity that held it", "entity(entity_id)"            \
    }

static const struct record_column pn_columns[] = {
    HOLDER,
    {"pn", RECORD_TEXT, false, "", "Personal network", NULL},
    {"state", RECORD_TEXT, false, "stored|active|forming", "How it stood with the holder", NULL},
    {"name", RECORD_TEXT, true, "", "Its name", NULL},
    {"gateway", RECORD_TEXT, true, "", "Its active gateway, as the holder believed", NULL},
    {"mode", RECORD_TEXT, true, "", "Mode of that gateway's device", NULL},
    {"openness", RECORD_TEXT, true, "", "Openness level", NULL},
    {"admin", RECORD_TEXT, true, "", "PN Admin", NULL},
    {"lease_end_ns", RECORD_INTEGER, true, "ns", "When its lease ends; NULL: none is known", NULL},
};

const struct record_table table_store_pn = {
    .name = "store_pn",
    .doc = "A personal network as an entity held it when the run ended: PN inventory of the "
           "servers, the gateways' copies",
    .columns = pn_columns,
    .column_count = SIM_ARRAY_LEN(pn_columns),
};

static const struct record_column pn_member_columns[] = {
    HOLDER,
    {"pn", RECORD_TEXT, false, "", "Personal network", NULL},
    {"member", RECORD_INTEGER, false, "", "Entity that is in it", "entity(entity_id)"},
    {"state", RECORD_TEXT, false, "", "member; another word: not yet, or not any more", NULL},
    {"mode", RECORD_TEXT, true, "", "Mode of the member's device", NULL},
};

const struct record_table table_store_pn_member = {
    .name = "store_pn_member",
    .doc =
        "Who was in which PN when the run ended, as each entity held it: a server's inventory, a "
        "gateway's routing table, what a PNE believed of itself",
    .columns = pn_member_columns,
    .column_count = SIM_ARRAY_LEN(pn_member_columns),
};

static const struct record_column group_columns[] = {
    HOLDER,
    {"service_group", RECORD_TEXT, false, "", "Service Group", NULL},
    {"owner", RECORD_TEXT, true, "", "Its owner, as the holder believed", NULL},
    {"joining", RECORD_TEXT, true, "open|closed", "Joining policy", NULL},
    {"service", RECORD_TEXT, true, "", "Service or shared object it is tied to", NULL},
    {"administrator", RECORD_TEXT, true, "", "Administrator record", NULL},
};

const struct record_table table_store_group = {
    .name = "store_group",
    .doc = "A Service Group as an entity held it when the run ended",
    .columns = group_columns,
    .column_count = SIM_ARRAY_LEN(group_columns),
};

static const struct record_column group_member_columns[] = {
    HOLDER,
    {"service_group", RECORD_TEXT, false, "", "Service Group", NULL},
    {"member", RECORD_INTEGER, false, "", "Entity that is in it", "entity(entity_id)"},
    {"state", RECORD_TEXT, false, "", "member; another word: not yet, or not any more", NULL},
};

const struct record_table table_store_group_member = {
    .name = "store_group_member",
    .doc = "Who was in which Service Group when the run ended, as each entity held it: a server's "
           "inventory, a gateway's group list, what a PNE believed of itself",
    .columns = group_member_columns,
    .column_count = SIM_ARRAY_LEN(group_member_columns),
};

static const struct record_column item_columns[] = {
    HOLDER,
    {"store", RECORD_TEXT, false, "", "Which of its stores, e.g. capabilities", NULL},
    {"subject", RECORD_TEXT, false, "", "What or whom it is about", NULL},
    {"key", RECORD_TEXT, false, "", "What of it", NULL},
    {"value", RECORD_TEXT, true, "", "As it was held", NULL},
};

const struct record_table table_store_item = {
    .name = "store_item",
    .doc = "Anything else that an entity held when the run ended, a row a fact",
    .columns = item_columns,
    .column_count = SIM_ARRAY_LEN(item_columns),
};
