/* XML that no encoder of ours writes, crafted beside the codec's own code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/base64.h"
#include "models/cpns/message.h"
#include "tests/support/cpns_expect.h"
#include "tests/support/cpns_sample.h"

#define FOR_EACH_TYPE(t) for (unsigned t = 0; t < CPNS_TYPE_COUNT; t++)
#define FOR_EACH_FIELD(f) for (unsigned f = 0; f < CPNS_FIELD_COUNT; f++)
#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define OPEN "<CPNS xmlns=\"urn:oma:xml:cpns-sim:1\">"
#define ID "urn:uuid:00000000-0000-5000-8000-000000000001"
#define BODY                                                                                       \
    "<MsgType>PNConnectionReject</MsgType><Version>1.0</Version>"                                  \
    "<TransactionID>1</TransactionID><OriginEntityID>" ID "</OriginEntityID><TargetID>" ID         \
    "</TargetID><Timestamp>0</Timestamp><HopLimit>8</HopLimit>"
#define MESSAGE(reason) DECLARATION OPEN BODY reason "</CPNS>"

static void expect_xml(const char *text, const char *reason)
{
    cpns_expect(span_of_str(text), CPNS_XML, reason != NULL ? -SIM_EBADMSG : 0, reason);
}

static void xml_is_read_as_xml(void **state)
{
    (void)state;
    static const char *const same[] = {
        MESSAGE("<Reason>a&lt;b</Reason>"),
        MESSAGE("<Reason>a&#60;b</Reason>"),
        MESSAGE("<Reason>a&#x3C;b</Reason>"),
        MESSAGE("<Reason><![CDATA[a<b]]></Reason>"),
        MESSAGE("<Reason>a<![CDATA[<]]>b</Reason>"),
        OPEN BODY "<Reason>a&lt;b</Reason></CPNS>",
        OPEN "\n  <Reason>a&lt;b</Reason >\r\n\t" BODY "</CPNS>\n",
        "<?xml version='1.0'?>" OPEN BODY "<Reason>a&lt;b</Reason></CPNS>",
        "<?xml version='1.0' encoding = 'utf-8' ?>\n" OPEN BODY "<Reason>a&lt;b</Reason></CPNS>",
        "<c:CPNS xmlns:c='urn:oma:xml:cpns-sim:1' xmlns='urn:oma:xml:cpns-sim:1'>" BODY
        "<c:Reason>a&lt;b</c:Reason></c:CPNS>",
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(same); i++) {
        struct cpns_message m;
        const char *why = "";
        if (cpns_decode(span_of_str(same[i]), CPNS_XML, &m, &why) < 0) {
            fail_msg("%s: %s", why, same[i]);
        }
        assert_int_equal(m.type, CPNS_PN_CONNECTION_REJECT);
        assert_true(span_equal_str(cpns_text(&m, CPNS_REASON), "a<b"));
        cpns_message_fini(&m);
    }
    expect_xml(MESSAGE("<Reason/>"), NULL);
}

static void xml_with_entities_or_a_dtd_is_refused(void **state)
{
    (void)state;
    static const char doctype[] = "a document type declaration";
    char *xxe = mem_printf("%s<!DOCTYPE CPNS [<!ENTITY x SYSTEM \"file://%s\">]>%s%s"
                           "<Reason>&x;</Reason></CPNS>",
                           DECLARATION, "/etc/hostname", OPEN, BODY);
    expect_xml(xxe, doctype);
    free(xxe);
    expect_xml("<!DOCTYPE CPNS [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
               "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
               "<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\">]>" OPEN BODY
               "<Reason>&d;&d;&d;&d;</Reason></CPNS>",
               doctype);
    expect_xml("<!DOCTYPE CPNS [<!ENTITY % p SYSTEM \"http://127.0.0.1:1/x\"> %p;]>" OPEN BODY
               "<Reason>a</Reason></CPNS>",
               doctype);
    expect_xml("<!DOCTYPE CPNS SYSTEM \"http://127.0.0.1:1/x.dtd\">" OPEN BODY
               "<Reason>a</Reason></CPNS>",
               doctype);
    expect_xml("<!DOCTYPE CPNS>" OPEN BODY "<Reason>a</Reason></CPNS>", doctype);
    expect_xml(MESSAGE("<Reason>&x;</Reason>"), "XML is not well-formed");
    expect_xml(MESSAGE("<Reason>&nbsp;</Reason>"), "XML is not well-formed");
    expect_xml(MESSAGE("<Reason>&#1;</Reason>"), "XML is not well-formed");
    expect_xml(MESSAGE("<Reason>&#xFFFE;</Reason>"), "XML is not well-formed");
    expect_xml(MESSAGE("<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"x\"/>"),
               "an element has an attribute");
}

static void xml_beside_the_fields_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "XML does not start with <"},
        {" " OPEN BODY "<Reason/></CPNS>", "XML does not start with <"},
        {"\xef\xbb\xbf" OPEN BODY "<Reason/></CPNS>", "XML does not start with <"},
        {"<", "XML is not well-formed"},
        {"<?xml", "XML is not well-formed"},
        {"<?xml version='1.0' encoding='ISO-8859-1'?>" OPEN BODY "<Reason/></CPNS>",
         "XML encoding is not UTF-8"},
        {"<?xml version='1.0' encoding='UTF-16'?>" OPEN BODY "<Reason/></CPNS>",
         "XML encoding is not UTF-8"},
        {"<?xml version='1.0' encoding='UTF-80'?>" OPEN BODY "<Reason/></CPNS>",
         "XML encoding is not UTF-8"},
        {"<?xml version='1.0' encoding='no-such-thing'?>" OPEN BODY "<Reason/></CPNS>",
         "XML encoding is not UTF-8"},
        {"<CPNS>" BODY "<Reason/></CPNS>", "an element is outside the namespace"},
        {"<CPNS xmlns='urn:oma:xml:cpns-sim:2'>" BODY "</CPNS>",
         "an element is outside the namespace"},
        {"<cpns xmlns='urn:oma:xml:cpns-sim:1'>" BODY "</cpns>", "the root element is not CPNS"},
        {OPEN BODY "<Reason xmlns=''/></CPNS>", "an element is outside the namespace"},
        {OPEN BODY "<Reason>a</Reason></CPNS><CPNS/>", "XML is not well-formed"},
        {OPEN BODY "<Reason>a</CPNS>", "XML is not well-formed"},
        {"<CPNS xmlns='urn:oma:xml:cpns-sim:1' xmlns:xml='urn:x'>" BODY "<Reason/></CPNS>",
         "XML is not well-formed"},
        {MESSAGE("text<Reason/>"), "text outside the fields"},
        {MESSAGE("<![CDATA[x]]><Reason/>"), "text outside the fields"},
        {MESSAGE("<!-- a --><Reason/>"), "a comment"},
        {MESSAGE("<Reason>a<?php b ?></Reason>"), "a processing instruction"},
        {MESSAGE("<Reason>a<b/></Reason>"), "an element inside a field"},
        {MESSAGE("<Reason><Reason>a</Reason></Reason>"), "an element inside a field"},
        {MESSAGE("<Reason lang='en'>a</Reason>"), "an element has an attribute"},
        {MESSAGE("<Reason/><Unknown/>"), "unknown element"},
        {MESSAGE("<Reason/><reason/>"), "unknown element"},
        {MESSAGE("<Reason/><Reason/>"), "Reason is repeated"},
        {MESSAGE("<Reason/><MsgType>KeepAlive</MsgType>"), "MsgType is repeated"},
        {OPEN "<MsgType>Nothing</MsgType></CPNS>", "unknown message type"},
        {OPEN "<MsgType/></CPNS>", "unknown message type"},
        {OPEN "</CPNS>", "unknown message type"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        expect_xml(cases[i].text, cases[i].reason);
    }
    cpns_expect(span_of(OPEN "\0" BODY, sizeof(OPEN BODY)), CPNS_XML, -SIM_EBADMSG,
                "XML contains a NUL");
    cpns_expect(OCTETS("\xff\xfe<\0?\0x\0m\0l\0"), CPNS_XML, -SIM_EBADMSG,
                "XML does not start with <");
    cpns_expect(OCTETS("<\0?\0x\0m\0l\0"), CPNS_XML, -SIM_EBADMSG, "XML contains a NUL");
    cpns_expect(OCTETS("\x4c\x6f\xa7\x94\x93"), CPNS_XML, -SIM_EBADMSG,
                "XML does not start with <");
}

/* The message's XML with the content of the first element of `field` replaced. */
static struct buf replace_content(const struct cpns_message *m, enum cpns_field field,
                                  const char *content)
{
    struct buf good = {0}, bad = {0};
    assert_int_equal(cpns_encode(m, CPNS_XML, &good, NULL), 0);
    struct span all = buf_span(&good);
    char *open = mem_printf("<%s>", cpns_field_info(field)->name);
    const uint8_t *at = memmem(all.data, all.len, open, strlen(open));
    assert_non_null(at);
    const uint8_t *from = at + strlen(open), *end = all.data + all.len;
    const uint8_t *to = memmem(from, (size_t)(end - from), "</", 2);
    assert_non_null(to);
    buf_append(&bad, span_of(all.data, (size_t)(from - all.data)));
    buf_append_str(&bad, content);
    buf_append(&bad, span_of(to, (size_t)(end - to)));
    free(open);
    buf_fini(&good);
    return bad;
}

static void xml_content_of_the_wrong_kind_is_refused(void **state)
{
    (void)state;
    static const char *const not_integers[] = {"",
                                               "-",
                                               "+1",
                                               " 1",
                                               "1 ",
                                               "01",
                                               "-0",
                                               "1.0",
                                               "1e2",
                                               "0x1",
                                               "one",
                                               "1<![CDATA[ ]]>",
                                               "9223372036854775808",
                                               "-9223372036854775809",
                                               "18446744073709551617"};
    static const char *const not_base64[] = {"A",
                                             "AAAAAAAAAAAA=",
                                             "AAAAAAAAAA=A",
                                             "AAAAAAAAAAA",
                                             "AAAAAAAAA===",
                                             "AAAAAAAAAB==",
                                             "AAAAAAAAAAB=",
                                             "AAAAAAAA AAA",
                                             "AAAA\nAAAAAAAA",
                                             "AAAAAAAAAA-_",
                                             "====",
                                             "AAAAAAAA====",
                                             "AA==AAAAAAAAAAAA"};
    FOR_EACH_TYPE(t)
    FOR_EACH_FIELD(f)
    {
        struct cpns_message m;
        cpns_sample(&m, (enum cpns_type)t, CPNS_SAMPLE_ALL);
        const struct cpns_field_info *info = cpns_field_info((enum cpns_field)f);
        bool integer = info->kind == CPNS_INTEGER, bytes = info->kind == CPNS_BYTES;
        size_t count = !cpns_has(&m, (enum cpns_field)f) ? 0
                       : integer                         ? SIM_ARRAY_LEN(not_integers)
                       : bytes                           ? SIM_ARRAY_LEN(not_base64)
                                                         : 0;
        for (size_t i = 0; i < count; i++) {
            struct buf bad =
                replace_content(&m, (enum cpns_field)f, integer ? not_integers[i] : not_base64[i]);
            cpns_expect(buf_span(&bad), CPNS_XML, -SIM_EBADMSG, info->invalid);
            buf_fini(&bad);
        }
        if (cpns_has(&m, (enum cpns_field)f)) {
            struct buf bad = replace_content(&m, (enum cpns_field)f, "<x xmlns='urn:x'/>");
            cpns_expect(buf_span(&bad), CPNS_XML, -SIM_EBADMSG, NULL);
            buf_fini(&bad);
        }
        cpns_message_fini(&m);
    }
}

/* Decodes a heap copy of exact size. */
static bool decodes(const char *text, struct buf *out)
{
    size_t len = strlen(text);
    uint8_t *copy = mem_alloc(len);
    memcpy(copy, text, len);
    bool ok = base64_decode(copy, &len);
    if (ok) {
        buf_append(out, span_of(copy, len));
    }
    free(copy);
    return ok;
}

static void base64_has_one_form(void **state)
{
    (void)state;
    /* RFC 4648 section 10, and the ends of the alphabet. */
    static const struct {
        const char *octets, *text;
    } vectors[] = {{"", ""},
                   {"f", "Zg=="},
                   {"fo", "Zm8="},
                   {"foo", "Zm9v"},
                   {"foob", "Zm9vYg=="},
                   {"fooba", "Zm9vYmE="},
                   {"foobar", "Zm9vYmFy"},
                   {"\xfb\xff\xbf", "+/+/"},
                   {"\xff\xef\xbe", "/+++"}};
    static const char *const wrong[] = {
        "A",    "AA",   "AAA",  "A===",  "====", "AA=A", "AAAAA",    "-AAA", "A-AA",
        "AA-A", "AAA-", "AA_=", "A\n==", "AB==", "AAB=", "Zg==Zg==", "Zg== "};
    struct buf out = {0};
    for (size_t i = 0; i < SIM_ARRAY_LEN(vectors); i++) {
        base64_append(&out, span_of_str(vectors[i].octets));
        assert_true(span_equal_str(buf_span(&out), vectors[i].text));
        buf_clear(&out);
        assert_true(decodes(vectors[i].text, &out));
        assert_true(span_equal_str(buf_span(&out), vectors[i].octets));
        buf_clear(&out);
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(wrong); i++) {
        if (decodes(wrong[i], &out)) {
            fail_msg("%s", wrong[i]);
        }
    }
    buf_fini(&out);
}

static void xml_that_is_large_or_deep_is_refused(void **state)
{
    (void)state;
    size_t len = CPNS_MESSAGE_MAX_BYTES + 1;
    char *text = mem_alloc(len + 1);
    for (size_t i = 0; i + 3 <= len; i += 3) {
        memcpy(text + i, "<a>", 3);
    }
    cpns_expect(span_of(text, len), CPNS_XML, -SIM_EBADMSG, "message too large");
    cpns_expect(span_of(text, len - 2), CPNS_XML, -SIM_EBADMSG,
                "an element is outside the namespace");
    memcpy(text, OPEN "<Reason  ", sizeof(OPEN "<Reason  ") - 1);
    memset(text + 50, 'a', len - 50);
    cpns_expect(span_of(text, len - 1), CPNS_XML, -SIM_EBADMSG, NULL);
    memset(text + 50, '<', len - 50);
    cpns_expect(span_of(text, len - 1), CPNS_XML, -SIM_EBADMSG, "XML is not well-formed");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CPNS_QUIET(xml_is_read_as_xml),
        CPNS_QUIET(xml_with_entities_or_a_dtd_is_refused),
        CPNS_QUIET(xml_beside_the_fields_is_refused),
        CPNS_QUIET(xml_content_of_the_wrong_kind_is_refused),
        CPNS_QUIET(base64_has_one_form),
        CPNS_QUIET(xml_that_is_large_or_deep_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
