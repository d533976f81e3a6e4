#include "tests/support/hand_made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/tables.h"

static const struct hand_row sound[] = {
    {"srv", &table_entity, "entity_id=0; name=srv; entry=srv; role=server; encoding=xml"},
    {"gw", &table_entity, "entity_id=1; name=gw; entry=gw; role=gateway; encoding=xml; peer_id=0"},
    {"pne", &table_entity, "entity_id=2; name=pne; entry=pne; role=pne; encoding=xml; peer_id=1"},
    {"s1", &table_session,
     "session_id=1; hop=pne-gateway; link_id=1; initiator=2; responder=1; policy=p; kind=tls; "
     "version=TLSv1.3; cipher=TLS_AES_256_GCM_SHA384; cipher_bits=256; kex_group=X25519; "
     "resumed=0; "
     "cause=first; started_ns=1000000000; established_ns=1400000000; ended_ns=9000000000; "
     "outcome=closed; handshake_bytes=2000; round_trips=1; cpu_ns_initiator=5000000"},
    {"s1i", &table_session_end,
     "session_id=1; side=initiator; entity_id=2; state=closed; peer_id=urn:gw; "
     "peer_auth=certificate"},
    {"s1r", &table_session_end,
     "session_id=1; side=responder; entity_id=1; state=closed; peer_id=urn:pne; "
     "peer_auth=certificate"},
    {"s2", &table_session,
     "session_id=2; hop=gateway-server; link_id=0; initiator=1; responder=0; policy=p; kind=tls; "
     "version=TLSv1.3; cipher=TLS_AES_256_GCM_SHA384; cipher_bits=256; kex_group=X25519; "
     "resumed=0; "
     "cause=first; started_ns=2000000000; established_ns=2100000000; outcome=established"},
    {"s2i", &table_session_end,
     "session_id=2; side=initiator; entity_id=1; state=established; peer_id=urn:srv; "
     "peer_auth=certificate"},
    {"s2r", &table_session_end,
     "session_id=2; side=responder; entity_id=0; state=established; peer_id=urn:gw; "
     "peer_auth=certificate"},
    {"m1", &table_message,
     "message_id=1; type=EntityDiscoveryRequest; origin=pne; target=gw; sent_ns=500000000; "
     "delivered_ns=520000000; outcome=delivered; hops=1; plain_bytes=50"},
    {"m1h0", &table_message_hop,
     "message_id=1; hop=0; sender=2; receiver=1; link_id=1; exemption=before_establishment; "
     "encoding=xml; queued_ns=500000000; sent_ns=500000000; received_ns=520000000; "
     "outcome=delivered; plain_bytes=50; wire_bytes=55; sent_hash=a1; received_hash=a1"},
    {"m2", &table_message,
     "message_id=2; type=ServiceAccessRequest; origin=pne; target=srv; pn=home; "
     "sent_ns=1000000000; delivered_ns=2300000000; outcome=delivered; hops=2; protected_hops=2; "
     "plain_bytes=100"},
    {"m2h0", &table_message_hop,
     "message_id=2; hop=0; sender=2; receiver=1; link_id=1; session_id=1; protected=1; "
     "encoding=xml; queued_ns=1000000000; sent_ns=1500000000; received_ns=1550000000; "
     "outcome=delivered; plain_bytes=100; wire_bytes=122; sent_hash=a2; received_hash=a2; "
     "watched=1"},
    {"m2h1", &table_message_hop,
     "message_id=2; hop=1; sender=1; receiver=0; link_id=0; session_id=2; protected=1; "
     "encoding=xml; queued_ns=2000000000; sent_ns=2200000000; received_ns=2300000000; "
     "outcome=delivered; plain_bytes=100; wire_bytes=122; sent_hash=a2; received_hash=a2; "
     "watched=1"},
    {"m3", &table_message,
     "message_id=3; type=ServiceAccessResponse; origin=srv; target=pne; pn=home; status=200; "
     "sent_ns=2400000000; delivered_ns=2600000000; outcome=delivered; hops=2; protected_hops=2; "
     "plain_bytes=80"},
    {"m3h0", &table_message_hop,
     "message_id=3; hop=0; sender=0; receiver=1; link_id=0; session_id=2; protected=1; "
     "encoding=xml; queued_ns=2400000000; sent_ns=2400000000; received_ns=2450000000; "
     "outcome=delivered; plain_bytes=80; wire_bytes=102; sent_hash=a3; received_hash=a3; "
     "watched=1"},
    {"m3h1", &table_message_hop,
     "message_id=3; hop=1; sender=1; receiver=2; link_id=1; session_id=1; protected=1; "
     "encoding=xml; queued_ns=2500000000; sent_ns=2500000000; received_ns=2600000000; "
     "outcome=delivered; plain_bytes=80; wire_bytes=102; sent_hash=a3; received_hash=a3; "
     "watched=1"},
    {"m4", &table_message,
     "message_id=4; type=SGMessage; origin=pne; target=vitals; pn=home; service_group=vitals; "
     "sent_ns=3000000000; outcome=lost; reason=loss; hops=1; plain_bytes=60"},
    {"m4h0", &table_message_hop,
     "message_id=4; hop=0; sender=2; receiver=1; link_id=1; exemption=service_group; "
     "encoding=xml; queued_ns=3000000000; sent_ns=3000000000; outcome=lost; reason=loss; "
     "plain_bytes=60; wire_bytes=65; sent_hash=a4"},
    {"l0", &table_link,
     "link_id=0; name=gw--srv; a=1; b=0; technology=lte; packets_ab=10; packets_ba=9; "
     "bytes_ab=4000; bytes_ba=3500; watched_bytes=7500"},
    {"l1", &table_link,
     "link_id=1; name=pne--gw; a=2; b=1; technology=ble; packets_ab=12; packets_ba=11; "
     "bytes_ab=5000; bytes_ba=4500; watched_bytes=9500; lost=1"},
};

/* --- files
 * ------------------------------------------------------------------------------------------ */

static void remove_dir(void)
{
    char *command = mem_printf("rm -rf '%s'", hand_dir());
    if (system(command) != 0) {
        fputs("temporary directory stays\n", stderr);
    }
    free(command);
}

const char *hand_dir(void)
{
    static char dir[] = "/tmp/cpnsim-test-XXXXXX";
    static bool made;
    if (!made) {
        made = true;
        assert_non_null(mkdtemp(dir));
        atexit(remove_dir);
    }
    return dir;
}

char *hand_path(const char *name)
{
    return mem_printf("%s/%s", hand_dir(), name);
}

static void tell(const struct diag_list *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        print_error("%s\n", diags->items[i].message);
    }
}

/* --- rows
 * ------------------------------------------------------------------------------------------- */

struct recorder *hand_open(const char *name)
{
    const struct record_run run = {.scenario_name = "by-hand",
                                   .scenario_path = "by-hand.yaml",
                                   .scenario_text = "",
                                   .scenario_hash = "",
                                   .overrides = "",
                                   .rng_mode = "seeded",
                                   .until = 10 * SIM_S,
                                   .workers = 1};
    struct diag_list diags = {0};
    struct recorder *rec = NULL;
    char *path = hand_path(name);
    if (recorder_open(path, world_tables, world_table_count, &run, &rec, &diags) < 0) {
        tell(&diags);
        fail();
    }
    diag_list_fini(&diags);
    free(path);
    return rec;
}

static size_t column_of(const struct record_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0) {
            return i;
        }
    }
    print_error("table %s has no column \"%s\"\n", table->name, name);
    fail();
    return 0;
}

static struct record_value typed(const struct record_column *column, const char *text)
{
    if (text != NULL && strcmp(text, "NULL") == 0) {
        return record_null();
    }
    if (text == NULL && column->nullable) {
        return record_null();
    }
    switch (column->kind) {
    case RECORD_INTEGER:
        return record_int(text != NULL ? strtoll(text, NULL, 10) : 0);
    case RECORD_REAL:
        return record_real(text != NULL ? strtod(text, NULL) : 0);
    case RECORD_TEXT:
        return record_text(text != NULL ? text : "");
    case RECORD_BLOB:
        return record_blob(text != NULL ? text : "", text != NULL ? strlen(text) : 0);
    }
    return record_null();
}

void hand_put(struct recorder *rec, const struct record_table *table, const char *cells)
{
    const char **given = mem_calloc(table->column_count, sizeof(*given));
    char *copy = mem_strdup(cells);
    char *save;
    for (char *cell = strtok_r(copy, ";", &save); cell != NULL; cell = strtok_r(NULL, ";", &save)) {
        cell += strspn(cell, " ");
        char *equals = strchr(cell, '=');
        assert_non_null(equals);
        *equals = '\0';
        given[column_of(table, cell)] = equals + 1;
    }
    struct record_value *values = mem_calloc(table->column_count, sizeof(*values));
    for (size_t i = 0; i < table->column_count; i++) {
        values[i] = typed(&table->columns[i], given[i]);
    }
    recorder_put(rec, table, values);
    free(values);
    free(copy);
    free(given);
}

void hand_close(struct recorder *rec, const char *status)
{
    const struct record_end end = {.status = status, .reached = 10 * SIM_S};
    struct diag_list diags = {0};
    int r = recorder_close(rec, &end, &diags);
    tell(&diags);
    assert_int_equal(r, 0);
    diag_list_fini(&diags);
}

static void put_changed(struct recorder *rec, const struct hand_row *row,
                        const struct hand_change *changes, size_t count)
{
    struct buf cells = {0};
    bool out = false;
    buf_append_str(&cells, row->cells);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(changes[i].label, row->label) == 0) {
            out = out || changes[i].cells == NULL;
            buf_printf(&cells, "; %s", changes[i].cells != NULL ? changes[i].cells : "");
        }
    }
    char *text = buf_steal_str(&cells);
    if (!out) {
        hand_put(rec, row->table, text);
    }
    free(text);
}

static bool is_sound_row(const char *label)
{
    for (size_t i = 0; i < SIM_ARRAY_LEN(sound); i++) {
        if (strcmp(sound[i].label, label) == 0) {
            return true;
        }
    }
    return false;
}

void hand_run(const char *name, const char *status, const struct hand_change *changes, size_t count)
{
    struct recorder *rec = hand_open(name);
    for (size_t i = 0; i < SIM_ARRAY_LEN(sound); i++) {
        put_changed(rec, &sound[i], changes, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_sound_row(changes[i].label)) {
            assert_non_null(changes[i].table);
            hand_put(rec, changes[i].table, changes[i].cells);
        }
    }
    hand_close(rec, status);
}

/* --- answers
 * ---------------------------------------------------------------------------------------- */

static bool add_row(void *arg, size_t columns, const char *const *names,
                    const struct record_value *values)
{
    (void)names;
    struct buf *out = arg;
    for (size_t i = 0; i < columns; i++) {
        const struct record_value *v = &values[i];
        buf_append_str(out, i > 0 ? "|" : "");
        switch (v->kind) {
        case RECORD_IS_NULL:
            buf_append_str(out, "NULL");
            break;
        case RECORD_IS_INTEGER:
            buf_printf(out, "%" PRId64, v->integer);
            break;
        case RECORD_IS_REAL:
            buf_printf(out, "%.9g", v->real);
            break;
        case RECORD_IS_TEXT:
            buf_append_str(out, v->text);
            break;
        case RECORD_IS_BLOB:
            buf_printf(out, "%zu octets", v->len);
            break;
        }
    }
    buf_append_u8(out, '\n');
    return true;
}

char *hand_rows(const char *name, const char *sql)
{
    char *path = hand_path(name);
    struct diag_list diags = {0};
    struct record_db *db = NULL;
    struct buf out = {0};
    int r = record_db_open(path, &db, &diags);
    if (r == 0) {
        r = record_db_query(db, sql, NULL, 0, add_row, &out, &diags);
    }
    tell(&diags);
    assert_int_equal(r, 0);
    record_db_close(db);
    diag_list_fini(&diags);
    free(path);
    return buf_steal_str(&out);
}

void hand_expect(const char *name, const char *sql, const char *rows)
{
    char *got = hand_rows(name, sql);
    if (strcmp(got, rows) != 0) {
        print_error("%s: %s\nexpected:\n%sgot:\n%s", name, sql, rows, got);
    }
    assert_string_equal(got, rows);
    free(got);
}
