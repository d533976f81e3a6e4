/* As much of HTTP/1.1 (RFC 9112) as OCSP (RFC 6960 appendix A) and lists (RFC 5280 4.2.1.13) take:
 * one request a connection, bodies of a length that is said. Octets in, octets out. */
#ifndef SIM_WORLD_HTTP_H
#define SIM_WORLD_HTTP_H

#include "sim/core/base.h"
#include "sim/core/buf.h"

enum { HTTP_HEAD_MOST = 8192, HTTP_BODY_MOST = 16 << 20, HTTP_WORD_BYTES = 64 };

struct http_message {
    int status;                   /* of a response; 0: a request */
    char method[HTTP_WORD_BYTES]; /* of a request: "POST" */
    char path[HTTP_WORD_BYTES];
    char type[HTTP_WORD_BYTES]; /* Content-Type, or "" */
    struct span body;           /* borrowed from the octets */
};

void http_get(const char *host, const char *path, struct buf *out);
void http_post(const char *host, const char *path, const char *type, struct span body,
               struct buf *out);
/* 200, 400 or 404; `type` NULL: without a body. */
void http_reply(int status, const char *type, struct span body, struct buf *out);

/* The message that `in` begins with: 1; 0: more octets are needed; -SIM_EBADMSG: it is none, or
 * one that is not understood here. */
int http_take(struct span in, struct http_message *ret);

#endif
