/* XML: <CPNS> with <MsgType> and one element a field, repeated for the items of a list, in the
 * style of OMA enablers [ours]. Parsed with libxml2's SAX interface: no tree, no entities but the
 * five of XML, no DTD, nothing fetched, nothing printed. */
#include "models/cpns/codec.h"

#include <inttypes.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "models/cpns/base64.h"

static const char namespace_uri[] = "urn:oma:xml:cpns-sim:1"; /* [ours] */
static const char root_name[] = "CPNS";
static const char type_name[] = "MsgType";

/* --- encoder */

static const char *escape_of(uint8_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r': /* a parser would make it a line feed */
        return "&#13;";
    }
    return NULL;
}

static void append_text(struct buf *out, struct span text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *escape = escape_of(text.data[i]);
        if (escape != NULL) {
            buf_append(out, span_of(text.data + from, i - from));
            buf_append_str(out, escape);
            from = i + 1;
        }
    }
    if (from != text.len) {
        buf_append(out, span_of(text.data + from, text.len - from));
    }
}

static void append_integer(struct buf *out, int64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (v < 0) {
        digits[--at] = '-';
    }
    buf_append(out, span_of(digits + at, sizeof(digits) - at));
}

static void open_element(struct buf *out, const char *name)
{
    buf_append_u8(out, '<');
    buf_append_str(out, name);
    buf_append_u8(out, '>');
}

static void close_element(struct buf *out, const char *name)
{
    buf_append_str(out, "</");
    buf_append_str(out, name);
    buf_append_u8(out, '>');
}

static void append_element(struct buf *out, const char *name, struct span text)
{
    open_element(out, name);
    append_text(out, text);
    close_element(out, name);
}

static void append_field(struct buf *out, const struct cpns_field_info *f,
                         const struct cpns_value *v)
{
    switch (f->kind) {
    case CPNS_TEXT:
        append_element(out, f->name, v->bytes);
        break;
    case CPNS_INTEGER:
        open_element(out, f->name);
        append_integer(out, v->integer);
        close_element(out, f->name);
        break;
    case CPNS_BYTES:
        open_element(out, f->name);
        base64_append(out, v->bytes);
        close_element(out, f->name);
        break;
    case CPNS_TEXT_LIST:
        for (size_t i = 0; i < v->list_count; i++) {
            append_element(out, f->name, v->list[i]);
        }
        break;
    }
}

void cpns_xml_encode(const struct cpns_message *m, struct buf *out)
{
    buf_append_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CPNS xmlns=\"");
    buf_append_str(out, namespace_uri);
    buf_append_str(out, "\">");
    append_element(out, type_name, span_of_str(cpns_type_info(m->type)->name));
    for (enum cpns_field i = cpns_next_field(m, 0); i < CPNS_FIELD_COUNT;
         i = cpns_next_field(m, i + 1)) {
        append_field(out, cpns_field_info(i), &m->fields[i]);
    }
    close_element(out, root_name);
}

/* --- decoder */

enum { IN_DOCUMENT, IN_ROOT, IN_FIELD };

struct reader {
    xmlParserCtxt *parser;
    struct cpns_message *m;
    const char *fault; /* the first, or NULL */
    int depth;         /* IN_DOCUMENT, IN_ROOT, IN_FIELD */
    bool in_type;      /* the open element is MsgType */
    enum cpns_field field;
    size_t content; /* where the open element's octets start in the storage */
};

static void refuse(struct reader *r, const char *why)
{
    if (r->fault == NULL) {
        r->fault = why;
        xmlStopParser(r->parser);
    }
}

/* Fields mostly come in the table's order: look from the last one on. */
static bool find_field(struct reader *r, const char *name)
{
    for (unsigned i = 0; i < CPNS_FIELD_COUNT; i++) {
        enum cpns_field field = (enum cpns_field)(((unsigned)r->field + i) % CPNS_FIELD_COUNT);
        if (strcmp(cpns_field_info(field)->name, name) == 0) {
            r->field = field;
            return true;
        }
    }
    return false;
}

static void open_field(struct reader *r, const char *name)
{
    r->content = buf_len(&r->m->storage);
    r->in_type = strcmp(name, type_name) == 0;
    if (r->in_type) {
        if (r->m->type != CPNS_TYPE_COUNT) {
            refuse(r, "MsgType is repeated");
        }
        return;
    }
    if (!find_field(r, name)) {
        refuse(r, "unknown element");
        return;
    }
    const struct cpns_field_info *f = cpns_field_info(r->field);
    if (cpns_has(r->m, r->field) && f->kind != CPNS_TEXT_LIST) {
        refuse(r, f->repeated);
    }
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int namespace_count, const xmlChar **namespaces, int attribute_count,
                     int default_count, const xmlChar **attributes)
{
    (void)prefix;
    (void)namespace_count;
    (void)namespaces;
    (void)default_count;
    (void)attributes;
    struct reader *r = context;
    if (r->fault != NULL) {
        return;
    }
    if (attribute_count != 0) {
        refuse(r, "an element has an attribute");
    } else if (uri == NULL || strcmp((const char *)uri, namespace_uri) != 0) {
        refuse(r, "an element is outside the namespace");
    } else if (r->depth == IN_DOCUMENT && strcmp((const char *)name, root_name) != 0) {
        refuse(r, "the root element is not CPNS");
    } else if (r->depth == IN_ROOT) {
        open_field(r, (const char *)name);
    } else if (r->depth == IN_FIELD) {
        refuse(r, "an element inside a field");
    }
    r->depth++;
}

static void on_characters(void *context, const xmlChar *text, int len)
{
    struct reader *r = context;
    if (r->fault != NULL) {
        return;
    }
    struct span bytes = span_of(text, (size_t)len);
    if (r->depth == IN_FIELD) {
        /* Never so with UTF-8, whose references and escapes only shrink. */
        if (bytes.len > r->m->storage.capacity - r->m->storage.end) {
            refuse(r, "content longer than the message");
            return;
        }
        buf_append(&r->m->storage, bytes);
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        if (strchr(" \t\r\n", bytes.data[i]) == NULL) {
            refuse(r, "text outside the fields");
            return;
        }
    }
}

/* Decimal without plus sign, leading zeros or blanks. */
static bool parse_integer(struct span text, int64_t *out)
{
    bool negative = text.len != 0 && text.data[0] == '-';
    size_t at = negative;
    if (at == text.len || (text.data[at] == '0' && text.len != 1)) {
        return false;
    }
    int64_t v = 0;
    for (; at < text.len; at++) {
        int digit = text.data[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, negative ? -digit : digit, &v)) {
            return false;
        }
    }
    *out = v;
    return true;
}

static void close_type(struct reader *r, struct span content)
{
    for (unsigned i = 0; i < CPNS_TYPE_COUNT; i++) {
        if (span_equal_str(content, cpns_type_info((enum cpns_type)i)->name)) {
            r->m->type = (enum cpns_type)i;
            return;
        }
    }
    refuse(r, "unknown message type");
}

static void close_field(struct reader *r, uint8_t *content, size_t len)
{
    const struct cpns_field_info *f = cpns_field_info(r->field);
    int64_t integer;
    switch (f->kind) {
    case CPNS_TEXT:
        cpns_set_span(r->m, r->field, span_of(content, len));
        break;
    case CPNS_TEXT_LIST:
        cpns_add_text(r->m, r->field, span_of(content, len));
        break;
    case CPNS_INTEGER:
        if (parse_integer(span_of(content, len), &integer)) {
            cpns_set_integer(r->m, r->field, integer);
        } else {
            refuse(r, f->invalid);
        }
        break;
    case CPNS_BYTES:
        if (base64_decode(content, &len)) {
            cpns_set_bytes(r->m, r->field, span_of(content, len));
        } else {
            refuse(r, f->invalid);
        }
        break;
    }
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    (void)name;
    (void)prefix;
    (void)uri;
    struct reader *r = context;
    if (r->fault != NULL) {
        return;
    }
    struct buf *storage = &r->m->storage;
    if (r->depth == IN_FIELD) {
        uint8_t *content = storage->data + storage->start + r->content;
        size_t len = buf_len(storage) - r->content;
        if (r->in_type) {
            close_type(r, span_of(content, len));
        } else {
            close_field(r, content, len);
        }
    }
    r->depth--;
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    (void)name;
    (void)external;
    (void)system;
    refuse(context, "a document type declaration");
}

static void on_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
    (void)target;
    (void)data;
    refuse(context, "a processing instruction");
}

static void on_comment(void *context, const xmlChar *text)
{
    (void)text;
    refuse(context, "a comment");
}

/* Takes libxml2's messages, so that it does not print them. */
static void on_error(void *context, xmlErrorPtr error)
{
    struct reader *r = context;
    if (error->level != XML_ERR_WARNING && r->fault == NULL) {
        r->fault = "XML is not well-formed";
    }
}

static const xmlSAXHandler handler = {
    .initialized = XML_SAX2_MAGIC,
    .startElementNs = on_start,
    .endElementNs = on_end,
    .characters = on_characters,
    .ignorableWhitespace = on_characters,
    .cdataBlock = on_characters,
    .internalSubset = on_doctype,
    .processingInstruction = on_instruction,
    .comment = on_comment,
    .serror = on_error,
};

/* The declared encoding must be UTF-8, and nothing may make libxml2 switch to another: it would
 * print when it fails. A document starts with "<", which rules out EBCDIC and byte order marks, and
 * has no NUL, which rules out UTF-16 and UTF-32. */
static const char *encoding_fault(struct span in)
{
    if (in.len == 0 || in.data[0] != '<') {
        return "XML does not start with <";
    }
    if (memchr(in.data, 0, in.len) != NULL) {
        return "XML contains a NUL";
    }
    if (in.len < 6 || memcmp(in.data, "<?xml", 5) != 0) {
        return NULL;
    }
    const char *end = memmem(in.data, in.len, "?>", 2);
    size_t len = end != NULL ? (size_t)(end - (const char *)in.data) : in.len;
    const char *key = memmem(in.data, len, "encoding", 8);
    if (key == NULL) {
        return NULL;
    }
    char value[9] = {0}; /* "UTF-8" with its quotes, after = and blanks */
    const char *at = key + 8, *stop = (const char *)in.data + len;
    while (at < stop && strchr("= \t\r\n", *at) != NULL) {
        at++;
    }
    memcpy(value, at, (size_t)(stop - at) < 7 ? (size_t)(stop - at) : 7);
    bool utf8 = strcasecmp(value, "\"UTF-8\"") == 0 || strcasecmp(value, "'UTF-8'") == 0;
    return utf8 ? NULL : "XML encoding is not UTF-8";
}

int cpns_xml_decode(struct span in, struct cpns_message *m, const char **why)
{
    *why = encoding_fault(in);
    if (*why != NULL) {
        return -SIM_EBADMSG;
    }
    cpns_storage(m, in.len);
    xmlInitParser();
    xmlParserCtxt *parser = xmlCreateMemoryParserCtxt((const char *)in.data, (int)in.len);
    CHECK(parser != NULL);
    struct reader r = {.parser = parser, .m = m};
    xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    *parser->sax = handler;
    parser->userData = &r;
    xmlParseDocument(parser);
    if (r.fault == NULL && !parser->wellFormed) {
        r.fault = "XML is not well-formed";
    }
    xmlFreeParserCtxt(parser);
    *why = r.fault;
    return r.fault != NULL ? -SIM_EBADMSG : 0;
}
