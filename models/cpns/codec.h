/* Shared by the two codecs and message.c only. */
#ifndef MODELS_CPNS_CODEC_H
#define MODELS_CPNS_CODEC_H

#include "models/cpns/message.h"

/* Encoders append a message that cpns_check() passed. */
void cpns_xml_encode(const struct cpns_message *m, struct buf *out);
void cpns_cbor_encode(const struct cpns_message *m, struct buf *out);

/* Decoders fill an all-zero message; cpns_decode() checks it afterwards. 0, or -SIM_EBADMSG and
 * `*why`. Values of CBOR point into `in`. */
int cpns_xml_decode(struct span in, struct cpns_message *m, const char **why);
int cpns_cbor_decode(struct span in, struct cpns_message *m, const char **why);

/* Gives the message storage for the decoded octets, at most `len`; it never moves afterwards, so
 * values may point into it. */
void cpns_storage(struct cpns_message *m, size_t len);

#endif
