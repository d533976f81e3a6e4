#include "models/cpns/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_append(struct buf *out, struct span bytes)
{
    uint8_t *to = buf_reserve(out, (bytes.len + 2) / 3 * 4);
    uint8_t *start = to;
    size_t i = 0;
    for (; bytes.len - i >= 3; i += 3) {
        const uint8_t *p = bytes.data + i;
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *to++ = (uint8_t)alphabet[v >> 18];
        *to++ = (uint8_t)alphabet[v >> 12 & 63];
        *to++ = (uint8_t)alphabet[v >> 6 & 63];
        *to++ = (uint8_t)alphabet[v & 63];
    }
    if (i != bytes.len) {
        bool two = bytes.len - i == 2;
        uint32_t v = (uint32_t)bytes.data[i] << 16 | (two ? (uint32_t)bytes.data[i + 1] << 8 : 0);
        *to++ = (uint8_t)alphabet[v >> 18];
        *to++ = (uint8_t)alphabet[v >> 12 & 63];
        *to++ = two ? (uint8_t)alphabet[v >> 6 & 63] : '=';
        *to++ = '=';
    }
    buf_commit(out, (size_t)(to - start));
}

/* 0 to 63, or 64 for what is not of the alphabet. */
static uint32_t sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint32_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint32_t)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0') + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool base64_decode(uint8_t *text, size_t *len)
{
    if (*len % 4 != 0) {
        return false;
    }
    size_t pad = *len != 0 && text[*len - 1] == '=' ? (text[*len - 2] == '=' ? 2 : 1) : 0;
    uint8_t *to = text;
    for (size_t i = 0; i < *len; i += 4) {
        size_t missing = i + 4 == *len ? pad : 0;
        uint32_t a = sextet(text[i]), b = sextet(text[i + 1]);
        uint32_t c = missing == 2 ? 0 : sextet(text[i + 2]);
        uint32_t d = missing != 0 ? 0 : sextet(text[i + 3]);
        if ((a | b | c | d) & 64) {
            return false;
        }
        uint32_t v = a << 18 | b << 12 | c << 6 | d;
        if ((missing == 1 && (v & 0xff) != 0) || (missing == 2 && (v & 0xffff) != 0)) {
            return false;
        }
        *to++ = (uint8_t)(v >> 16);
        if (missing < 2) {
            *to++ = (uint8_t)(v >> 8);
        }
        if (missing == 0) {
            *to++ = (uint8_t)v;
        }
    }
    *len = (size_t)(to - text);
    return true;
}
