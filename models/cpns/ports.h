/* Port numbers of CPNS. The change request names none; these are our own [ours]. */
#ifndef MODELS_CPNS_PORTS_H
#define MODELS_CPNS_PORTS_H

enum {
    CPNS_PORT = 7275,      /* TCP: sessions; UDP: messages outside sessions, a frame a datagram */
    CPNS_DTLS_PORT = 7276, /* UDP: sessions over datagrams */
};

#endif
