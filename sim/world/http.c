#include "sim/world/http.h"

#include <string.h>
#include <strings.h>

void http_get(const char *host, const char *path, struct buf *out)
{
    buf_printf(out, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host);
}

void http_post(const char *host, const char *path, const char *type, struct span body,
               struct buf *out)
{
    buf_printf(out,
               "POST %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Type: %s\r\n"
               "Content-Length: %zu\r\n\r\n",
               path, host, type, body.len);
    buf_append(out, body);
}

void http_reply(int status, const char *type, struct span body, struct buf *out)
{
    const char *reason = status == 200 ? "OK" : status == 404 ? "Not Found" : "Bad Request";
    buf_printf(out, "HTTP/1.1 %d %s\r\nConnection: close\r\n", status, reason);
    if (type != NULL) {
        buf_printf(out, "Content-Type: %s\r\n", type);
    }
    buf_printf(out, "Content-Length: %zu\r\n\r\n", body.len);
    buf_append(out, body);
}

/* The line up to CRLF, which is taken off; false: no CRLF. */
static bool take_line(struct span *in, struct span *line)
{
    const uint8_t *end = in->len > 0 ? memmem(in->data, in->len, "\r\n", 2) : NULL;
    struct span crlf;
    return end != NULL && span_take(in, (size_t)(end - in->data), line) && span_take(in, 2, &crlf);
}

/* The word up to `stop`, which is taken off, or all that is left; false: empty, too long, or not
 * printable. */
static bool take_word(struct span *in, char stop, char out[HTTP_WORD_BYTES])
{
    size_t len = 0;
    while (len < in->len && in->data[len] != (uint8_t)stop) {
        len++;
    }
    if (len == 0 || len >= HTTP_WORD_BYTES) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (in->data[i] <= 0x20 || in->data[i] > 0x7e) {
            return false;
        }
        out[i] = (char)in->data[i];
    }
    out[len] = '\0';
    struct span word;
    return span_take(in, len < in->len ? len + 1 : len, &word);
}

/* A number of at most 8 digits. */
static bool read_number(const char *word, size_t *ret)
{
    size_t digits = strspn(word, "0123456789");
    *ret = 0;
    for (size_t i = 0; i < digits && digits <= 8; i++) {
        *ret = *ret * 10 + (size_t)(word[i] - '0');
    }
    return digits > 0 && digits <= 8 && word[digits] == '\0';
}

static bool read_start(struct span line, struct http_message *m)
{
    char version[HTTP_WORD_BYTES];
    char word[HTTP_WORD_BYTES] = "";
    size_t status;
    if (line.len >= 5 && memcmp(line.data, "HTTP/", 5) == 0) {
        bool ok = take_word(&line, ' ', version) && take_word(&line, ' ', word) &&
                  read_number(word, &status) && status >= 100 && status <= 999;
        m->status = ok ? (int)status : 0;
        return ok && strcmp(version, "HTTP/1.1") == 0;
    }
    return take_word(&line, ' ', m->method) && take_word(&line, ' ', m->path) &&
           take_word(&line, '\0', version) && line.len == 0 && strcmp(version, "HTTP/1.1") == 0;
}

/* A field line (RFC 9112 section 5); those that nobody here asks for are passed over. */
static bool read_field(struct span line, struct http_message *m, size_t *length, bool *has_length)
{
    char name[HTTP_WORD_BYTES];
    char value[HTTP_WORD_BYTES] = "";
    const uint8_t *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
    if (colon == NULL || !take_word(&line, ':', name)) {
        return false;
    }
    while (line.len > 0 && line.data[0] == ' ') {
        line.data++;
        line.len--;
    }
    if (strcasecmp(name, "transfer-encoding") == 0) {
        return false;
    }
    if (strcasecmp(name, "content-length") == 0) {
        bool again = *has_length;
        *has_length = true;
        return !again && take_word(&line, ' ', value) && line.len == 0 &&
               read_number(value, length) && *length <= HTTP_BODY_MOST;
    }
    return strcasecmp(name, "content-type") != 0 ||
           (take_word(&line, ' ', m->type) && line.len == 0);
}

int http_take(struct span in, struct http_message *ret)
{
    const uint8_t *end = in.len > 0 ? memmem(in.data, in.len, "\r\n\r\n", 4) : NULL;
    size_t head = end != NULL ? (size_t)(end - in.data) + 4 : in.len;
    if (head > HTTP_HEAD_MOST) {
        return -SIM_EBADMSG;
    }
    if (end == NULL) {
        return 0;
    }
    *ret = (struct http_message){0};
    struct span lines = span_of(in.data, head - 2);
    struct span line;
    size_t length = 0;
    bool has_length = false;
    if (!take_line(&lines, &line) || !read_start(line, ret)) {
        return -SIM_EBADMSG;
    }
    while (take_line(&lines, &line)) {
        if (!read_field(line, ret, &length, &has_length)) {
            return -SIM_EBADMSG;
        }
    }
    if (!has_length && ret->status != 0) {
        return -SIM_EBADMSG; /* to the end of the connection: not here */
    }
    if (in.len - head < length) {
        return 0;
    }
    ret->body = span_of(in.data + head, length);
    return 1;
}
