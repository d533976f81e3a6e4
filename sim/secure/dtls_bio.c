/* A BIO over lists of datagrams: OpenSSL gets one with each read and writes one with each write. */
#include <string.h>

#include "sim/secure/session_internal.h"

enum { IPV4_AND_UDP_BYTES = 28 };

static int on_read(BIO *bio, char *to, size_t len, size_t *got)
{
    struct secure_session *s = BIO_get_data(bio);
    struct span datagram = {0};
    uint16_t message;
    BIO_clear_retry_flags(bio);
    while (datagram.len == 0) { /* an empty one would be the end of file to OpenSSL */
        if (!secure_datagram_take(&s->input, &datagram, &message)) {
            BIO_set_retry_read(bio);
            return -1;
        }
    }
    size_t part = datagram.len < len ? datagram.len : len; /* as recv(2): the rest is gone */
    memcpy(to, datagram.data, part);
    *got = part;
    return 1;
}

static int on_write(BIO *bio, const char *from, size_t len, size_t *written)
{
    struct secure_session *s = BIO_get_data(bio);
    CHECK(s->output != NULL); /* OpenSSL writes within a step only */
    secure_datagram_append(&s->output->wire, span_of(from, len), dtls_message(s));
    dtls_note_written(s, len);
    *written = len;
    return 1;
}

static long on_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return IPV4_AND_UDP_BYTES;
    default:
        return 0;
    }
}

static int on_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *dtls_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "cpnsim datagrams");
    if (method != NULL) {
        BIO_meth_set_read_ex(method, on_read);
        BIO_meth_set_write_ex(method, on_write);
        BIO_meth_set_ctrl(method, on_control);
        BIO_meth_set_create(method, on_create);
    }
    return method;
}
