/* HTTP as far as OCSP and lists take it: what is written is read again, octet by octet; what is no
 * such message, or one that is not understood, is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sim/world/http.h"

static void comes_in_pieces(const struct buf *b, struct http_message *m)
{
    struct span whole = buf_span(b);
    for (size_t len = 0; len < whole.len; len++) {
        assert_int_equal(http_take(span_of(whole.data, len), m), 0);
    }
    assert_int_equal(http_take(whole, m), 1);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct buf b = {0};
    struct http_message m;
    static const uint8_t body[] = {0, '\r', '\n', '\r', '\n', 0xff};
    http_post("srv", "/ocsp", "application/ocsp-request", span_of(body, sizeof(body)), &b);
    comes_in_pieces(&b, &m);
    assert_string_equal(m.method, "POST");
    assert_string_equal(m.path, "/ocsp");
    assert_string_equal(m.type, "application/ocsp-request");
    assert_int_equal(m.status, 0);
    assert_true(span_equal(m.body, span_of(body, sizeof(body))));
    buf_clear(&b);
    http_get("srv", "/crl", &b);
    comes_in_pieces(&b, &m);
    assert_string_equal(m.method, "GET");
    assert_string_equal(m.path, "/crl");
    assert_int_equal(m.body.len, 0);
    static const int statuses[] = {200, 400, 404};
    for (size_t i = 0; i < SIM_ARRAY_LEN(statuses); i++) {
        buf_clear(&b);
        http_reply(statuses[i], i == 0 ? "application/pkix-crl" : NULL,
                   span_of(body, i == 0 ? sizeof(body) : 0), &b);
        comes_in_pieces(&b, &m);
        assert_int_equal(m.status, statuses[i]);
        assert_string_equal(m.type, i == 0 ? "application/pkix-crl" : "");
        assert_int_equal(m.body.len, i == 0 ? sizeof(body) : 0);
    }
    buf_fini(&b);
}

static void other_peoples_messages_are_read(void **state)
{
    (void)state;
    struct http_message m;
    assert_int_equal(http_take(span_of_str("HTTP/1.1 200\r\ncontent-LENGTH:2\r\nX-Other: a b c\r\n"
                                           "Server:\r\n\r\nokmore"),
                               &m),
                     1);
    assert_true(span_equal_str(m.body, "ok"));
    assert_int_equal(m.status, 200);
}

static void all_else_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET /crl\r\n\r\n",
        "GET /crl HTTP/1.0\r\n\r\n",
        "GET /crl HTTP/1.1 \r\n\r\n",
        "GET  /crl HTTP/1.1\r\n\r\n",
        "GET /c\trl HTTP/1.1\r\n\r\n",
        "GET /0123456789012345678901234567890123456789012345678901234567890123 HTTP/1.1\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 99 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n", /* as long as the connection */
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 123456789\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent Length: 1\r\n\r\n",
    };
    struct http_message m;
    for (size_t i = 0; i < SIM_ARRAY_LEN(texts); i++) {
        assert_int_equal(http_take(span_of_str(texts[i]), &m), -SIM_EBADMSG);
    }
}

static void a_head_without_end_is_not_waited_for(void **state)
{
    (void)state;
    struct buf b = {0};
    struct http_message m;
    buf_append_str(&b, "GET /crl HTTP/1.1\r\nX: ");
    while (buf_len(&b) <= HTTP_HEAD_MOST) {
        assert_int_equal(http_take(buf_span(&b), &m), 0);
        buf_append_u8(&b, 'a');
    }
    assert_int_equal(http_take(buf_span(&b), &m), -SIM_EBADMSG);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(other_peoples_messages_are_read),
        cmocka_unit_test(all_else_is_refused),
        cmocka_unit_test(a_head_without_end_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
