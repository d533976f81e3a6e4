/* Rows about what the CA says of certificates. */
#include "sim/world/report.h"
#include "sim/world/revocation.h"

void report_revoked(struct world *w, const struct entity *e, sim_time at)
{
    PUT(w, table_revoked, record_int(e->id), record_time(at));
}

void report_list(struct world *w, const struct secure_crl *list, uint64_t number, size_t entries,
                 sim_time this_update, sim_time next_update)
{
    PUT(w, table_revocation_list, record_int((int64_t)number), record_time(this_update),
        record_time(next_update), record_int((int64_t)entries),
        record_int((int64_t)secure_crl_octets(list).len));
}

void report_status(struct world *w, const struct status_row *row)
{
    bool ocsp = row->what == STATUS_OCSP;
    PUT(w, table_status_fetch, record_int(row->holder->entity->id),
        record_text(ocsp ? "ocsp" : "crl"),
        ocsp ? record_text(secure_key_kind_name(row->kind)) : record_null(), record_time(row->at),
        record_time(net_now(w->net)), record_text(row->outcome),
        record_int((int64_t)row->request_bytes), record_int((int64_t)row->response_bytes),
        record_time(row->this_update), record_time(row->next_update));
}
