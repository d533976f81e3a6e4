/* Encodings and times of ASN.1 that libcrypto takes a long way to: a signature of ECDSA is written
 * through a packet writer, when it is made and again when it is verified; to compare a
 * certificate's time with another it prints the other as text and reads both; and text goes through
 * callbacks, character by character, three times. Answered here, inside
 * a step and elsewhere; what is not plain is libcrypto's. */
#include <openssl/ec.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

#include "sim/secure/interpose.h"

static struct {
    interpose_function i2d_ecdsa_sig, cmp_time, copy_text;
} libcrypto;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_all(void)
{
    libcrypto.i2d_ecdsa_sig = interpose_next("i2d_ECDSA_SIG");
    libcrypto.cmp_time = interpose_next("X509_cmp_time");
    libcrypto.copy_text = interpose_next("ASN1_mbstring_ncopy");
}

/* --- signatures
 * ------------------------------------------------------------------------------------------- */

enum { SHORT_MOST = 127 /* of a length in one octet */, HEADER = 2 };

/* With an octet of zeros where the first bit is set (X.690, 8.3). */
static int integer_len(const BIGNUM *n)
{
    return BN_num_bits(n) / 8 + 1;
}

static uint8_t *put_integer(uint8_t *at, const BIGNUM *n, int len)
{
    *at++ = V_ASN1_INTEGER;
    *at++ = (uint8_t)len;
    CHECK(BN_bn2binpad(n, at, len) == len);
    return at + len;
}

/* SEQUENCE { r INTEGER, s INTEGER } (RFC 3279, 2.2.3). */
int i2d_ECDSA_SIG(const ECDSA_SIG *signature, unsigned char **out)
{
    const BIGNUM *r = ECDSA_SIG_get0_r(signature);
    const BIGNUM *s = ECDSA_SIG_get0_s(signature);
    bool natural = r != NULL && s != NULL && !BN_is_negative(r) && !BN_is_negative(s);
    int body = natural ? HEADER + integer_len(r) + HEADER + integer_len(s) : SHORT_MOST + 1;
    if (body > SHORT_MOST) {
        pthread_once(&once, find_all);
        return ((int (*)(const ECDSA_SIG *, unsigned char **))libcrypto.i2d_ecdsa_sig)(signature,
                                                                                       out);
    }
    if (out == NULL) {
        return HEADER + body;
    }
    uint8_t *at = *out != NULL ? *out : OPENSSL_malloc((size_t)(HEADER + body));
    if (at == NULL) {
        return -1;
    }
    bool given = *out != NULL;
    uint8_t *start = at;
    *at++ = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED;
    *at++ = (uint8_t)body;
    at = put_integer(at, r, integer_len(r));
    at = put_integer(at, s, integer_len(s));
    *out = given ? at : start;
    return HEADER + body;
}

/* --- text
 * ------------------------------------------------------------------------------------------- */

static bool is_ascii(const uint8_t *text, size_t len)
{
    uint8_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        bits |= text[i];
    }
    return (bits & 0x80) == 0;
}

/* Called for each part of a name. */
int ASN1_mbstring_ncopy(ASN1_STRING **out, const unsigned char *in, int len, int form,
                        unsigned long types, long least, long most)
{
    int n = len == -1 ? (int)strlen((const char *)in) : len;
    bool fits = n > 0 && n >= least && (most <= 0 || n <= most);
    if (out == NULL || form != MBSTRING_UTF8 || types != B_ASN1_UTF8STRING || !fits ||
        !is_ascii(in, (size_t)n)) {
        pthread_once(&once, find_all);
        return ((int (*)(ASN1_STRING **, const unsigned char *, int, int, unsigned long, long,
                         long))libcrypto.copy_text)(out, in, len, form, types, least, most);
    }
    ASN1_STRING *text = *out != NULL ? *out : ASN1_STRING_type_new(V_ASN1_UTF8STRING);
    if (text == NULL || ASN1_STRING_set(text, in, n) != 1) {
        if (*out == NULL) {
            ASN1_STRING_free(text);
        }
        return -1;
    }
    text->type = V_ASN1_UTF8STRING;
    *out = text;
    return V_ASN1_UTF8STRING;
}

/* --- times
 * ------------------------------------------------------------------------------------------- */

/* RFC 5280, 4.1.2.5: seconds, and no zone but Z. ASN1_TIME_to_tm() looks at the digits. */
static bool is_plain(const ASN1_TIME *t)
{
    enum { UTC = sizeof("YYMMDDHHMMSSZ") - 1, GENERALIZED = sizeof("YYYYMMDDHHMMSSZ") - 1 };
    int len = ASN1_STRING_length(t);
    int type = ASN1_STRING_type(t);
    return ((type == V_ASN1_UTCTIME && len == UTC) ||
            (type == V_ASN1_GENERALIZEDTIME && len == GENERALIZED)) &&
           ASN1_STRING_get0_data(t)[len - 1] == 'Z';
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, `month` from 0. Years are counted from
 * March, so that a leap day is the last of its year. */
static int64_t days_of(int64_t year, int month, int day)
{
    enum { DAYS_400_YEARS = 146097, MARCH_1_OF_0_TO_1970 = 719468 };
    int64_t y = year - (month < 2);
    int64_t m = (month + 10) % 12;
    int64_t in_400 = y % 400;
    int64_t days = in_400 * 365 + in_400 / 4 - in_400 / 100 + (153 * m + 2) / 5 + day - 1;
    return y / 400 * DAYS_400_YEARS + days - MARCH_1_OF_0_TO_1970;
}

bool interpose_unix_time(const ASN1_TIME *t, int64_t *ret)
{
    struct tm tm;
    if (t == NULL || !is_plain(t) || ASN1_TIME_to_tm(t, &tm) != 1 || tm.tm_year + 1900 < 1) {
        return false;
    }
    *ret = days_of(tm.tm_year + 1900, tm.tm_mon, tm.tm_mday) * 86400 + tm.tm_hour * 3600 +
           tm.tm_min * 60 + tm.tm_sec;
    return true;
}

/* 0001-01-01 00:00:00 and 9999-12-31 23:59:59: libcrypto refuses to compare with what is later. */
static const time_t first_second = -62135596800;
static const time_t last_second = 253402300799;

/* Called four times a chain: -1 where `t` is not later than `*with`, else 1. */
int X509_cmp_time(const ASN1_TIME *t, time_t *with)
{
    int64_t seconds;
    if (with != NULL && *with >= first_second && *with <= last_second &&
        interpose_unix_time(t, &seconds)) {
        return seconds <= (int64_t)*with ? -1 : 1;
    }
    pthread_once(&once, find_all);
    return ((int (*)(const ASN1_TIME *, time_t *))libcrypto.cmp_time)(t, with);
}
