/* What one end of a TLS session knows that its peer must know alike: randoms, secrets,
 * certificates. Where somebody in the middle has a session of his own with each of two ends, theirs
 * differ. */
#include <openssl/ssl.h>

#include "sim/secure/known.h"
#include "sim/secure/session_internal.h"

static uint64_t head_of(const uint8_t octets[8])
{
    uint64_t head = 0;
    for (size_t i = 0; i < sizeof(head); i++) {
        head = head << 8 | octets[i];
    }
    return head;
}

/* An exporter is made for this: its output says whether two ends have the same secrets, and nothing
 * about them. The label is one for experiments (RFC 5705 section 4). */
void tls_note_secret(struct secure_session *s)
{
    static const char label[] = "EXPERIMENTAL cpnsim agreement";
    uint8_t exported[8];
    if (SSL_export_keying_material(s->ssl, exported, sizeof(exported), label, sizeof(label) - 1,
                                   NULL, 0, 0) == 1) {
        s->secret = head_of(exported);
    }
}

void tls_view(const struct secure_session *s, struct secure_facts *f)
{
    uint8_t random[SSL3_RANDOM_SIZE] = {0};
    const X509 *peer = SSL_get0_peer_certificate(s->ssl);
    if (SSL_get_client_random(s->ssl, random, sizeof(random)) == sizeof(random)) {
        f->client_random = head_of(random);
    }
    if (SSL_get_server_random(s->ssl, random, sizeof(random)) == sizeof(random)) {
        f->server_random = head_of(random);
    }
    f->secret = s->secret;
    f->own_certificate = s->identity != NULL ? known_fingerprint(s->identity->certificate) : 0;
    f->peer_fingerprint = peer != NULL ? known_fingerprint(peer) : 0;
    f->records_sent = s->records[1];
    f->records_received = s->records[0];
}
