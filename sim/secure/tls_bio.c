/* Two memory BIOs would copy every octet once more and keep the largest flight for as long as the
 * session lives. This one keeps nothing: OpenSSL reads all there is within the step and holds an
 * incomplete record itself. It is the only BIO a session ever gets, so no octet of a seeded session
 * reaches a socket. */
#include <limits.h>
#include <string.h>

#include "sim/secure/session_internal.h"

static int on_read(BIO *bio, char *to, size_t len, size_t *got)
{
    struct secure_session *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t part = s->input.len < len ? s->input.len : len;
    if (part == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    struct span taken;
    span_take(&s->input, part, &taken);
    memcpy(to, taken.data, part);
    *got = part;
    return 1;
}

static int on_write(BIO *bio, const char *from, size_t len, size_t *written)
{
    struct secure_session *s = BIO_get_data(bio);
    CHECK(s->output != NULL); /* OpenSSL writes within a step only */
    buf_append(&s->output->wire, span_of(from, len));
    *written = len;
    return 1;
}

static long on_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int on_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *tls_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "cpnsim session");
    if (method != NULL) {
        BIO_meth_set_read_ex(method, on_read);
        BIO_meth_set_write_ex(method, on_write);
        BIO_meth_set_ctrl(method, on_control);
        BIO_meth_set_create(method, on_create);
    }
    return method;
}
