#include "models/cpns/table_text.h"

#include <inttypes.h>

#include "models/cpns/message.h"
#include "models/cpns/ports.h"

static const char *kind_name(enum cpns_field_kind kind)
{
    switch (kind) {
    case CPNS_TEXT:
        return "text";
    case CPNS_INTEGER:
        return "integer";
    case CPNS_BYTES:
        return "bytes";
    case CPNS_TEXT_LIST:
        return "text list";
    }
    return "";
}

/* In the envelope: there in every type, if only as a field it may carry. */
static bool in_envelope(enum cpns_field field)
{
    for (unsigned t = 0; t < CPNS_TYPE_COUNT; t++) {
        if (cpns_type_info((enum cpns_type)t)->presence[field] == CPNS_ABSENT) {
            return false;
        }
    }
    return true;
}

/* What most types do with the field; only those that differ name a field of the envelope. */
static enum cpns_presence usual_presence(enum cpns_field field)
{
    unsigned counts[CPNS_REQUIRED + 1] = {0};
    for (unsigned t = 0; t < CPNS_TYPE_COUNT; t++) {
        counts[cpns_type_info((enum cpns_type)t)->presence[field]]++;
    }
    return counts[CPNS_REQUIRED] >= counts[CPNS_OPTIONAL] ? CPNS_REQUIRED : CPNS_OPTIONAL;
}

static void append_name(struct buf *out, const char **separator, enum cpns_field field,
                        enum cpns_presence presence)
{
    buf_printf(out, "%s%s%s", *separator, cpns_field_info(field)->name,
               presence == CPNS_OPTIONAL ? "?" : "");
    *separator = ", ";
}

static void append_type_row(struct buf *out, const struct cpns_type_info *type)
{
    buf_printf(out, "| %s | %u | %s | %s | ", type->name, type->code, type->path, type->source);
    const char *separator = "";
    for (unsigned i = 0; i < CPNS_FIELD_COUNT; i++) {
        enum cpns_field field = (enum cpns_field)i;
        enum cpns_presence presence = (enum cpns_presence)type->presence[i];
        if (presence != CPNS_ABSENT && (!in_envelope(field) || presence != usual_presence(field))) {
            append_name(out, &separator, field, presence);
        }
    }
    buf_printf(out, "%s | %s |\n", *separator == '\0' ? "–" : "", type->doc);
}

static void append_allowed(struct buf *out, const struct cpns_field_info *f)
{
    const char *separator = "";
    if (f->urn) {
        buf_append_str(out, "`urn:uuid:…`");
    } else if (f->values != NULL) {
        for (const char *const *v = f->values; *v != NULL; v++, separator = ", ") {
            buf_printf(out, "%s`%s`", separator, *v);
        }
    } else if (f->integers != NULL) {
        for (const int64_t *v = f->integers; *v != 0; v++, separator = ", ") {
            buf_printf(out, "%s%" PRId64, separator, *v);
        }
    } else if (f->max == INT64_MAX) {
        buf_printf(out, "%" PRId64 " to 2⁶³ − 1", f->min);
    } else {
        buf_printf(out, "%" PRId64 " to %" PRId64 "%s", f->min, f->max,
                   f->kind != CPNS_INTEGER ? " octets" : "");
    }
}

void cpns_table_markdown(struct buf *out)
{
    buf_append_str(out, "Envelope: ");
    const char *separator = "";
    for (unsigned i = 0; i < CPNS_FIELD_COUNT; i++) {
        if (in_envelope((enum cpns_field)i)) {
            append_name(out, &separator, (enum cpns_field)i, usual_presence((enum cpns_field)i));
        }
    }
    buf_append_str(out, " (`?`: may be left out). A type names a field of the envelope where it "
                        "differs.\n\n"
                        "| Message | Code | Path | Source | Fields beyond the envelope | What |\n"
                        "|---|---|---|---|---|---|\n");
    for (unsigned t = 0; t < CPNS_TYPE_COUNT; t++) {
        append_type_row(out, cpns_type_info((enum cpns_type)t));
    }
    buf_append_str(out, "\n| Field | Key | Kind | Allowed | What |\n|---|---|---|---|---|\n");
    for (unsigned i = 0; i < CPNS_FIELD_COUNT; i++) {
        const struct cpns_field_info *f = cpns_field_info((enum cpns_field)i);
        buf_printf(out, "| %s | %u | %s | ", f->name, f->key, kind_name(f->kind));
        append_allowed(out, f);
        buf_printf(out, " | %s |\n", f->doc);
    }
}

void cpns_table_lua(struct buf *out)
{
    buf_printf(out,
               "-- Made by cpns_tables from models/cpns/message_table.c; do not edit.\n"
               "return {\n    port = %d,\n    dtls_port = %d,\n    types = {\n",
               CPNS_PORT, CPNS_DTLS_PORT);
    for (unsigned t = 0; t < CPNS_TYPE_COUNT; t++) {
        const struct cpns_type_info *type = cpns_type_info((enum cpns_type)t);
        buf_printf(out, "        [%u] = \"%s\",\n", type->code, type->name);
    }
    buf_append_str(out, "    },\n    fields = {\n");
    for (unsigned i = 0; i < CPNS_FIELD_COUNT; i++) {
        const struct cpns_field_info *f = cpns_field_info((enum cpns_field)i);
        buf_printf(out, "        [%u] = {name = \"%s\", kind = \"%s\"},\n", f->key, f->name,
                   kind_name(f->kind));
    }
    buf_append_str(out, "    },\n}\n");
}
