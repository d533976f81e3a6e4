#include "sim/scenario/graphml.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "sim/core/buf.h"
#include "sim/core/map.h"

static const char namespace_uri[] = "http://graphml.graphdrawing.org/xmlns";

/* The element that is open. */
enum where {
    IN_NOTHING,
    IN_GRAPHML,
    IN_KEY,
    IN_DEFAULT,
    IN_GRAPH,
    IN_NODE,
    IN_EDGE,
    IN_DATA,
};

enum domain { FOR_ALL, FOR_NODE, FOR_EDGE, FOR_OTHER };

struct key {
    const char *id;
    enum domain domain;
    enum graphml_item item; /* GRAPHML_ITEMS: none that counts */
    const struct tree *fallback;
};

struct reader {
    struct report *report;
    const struct source *source;
    struct graphml *g;
    xmlParserCtxt *parser;
    bool broken; /* libxml2 complained */
    bool failed;
    enum where where;
    enum where owner; /* of the data that is open */
    size_t skip;      /* depth inside an element that is passed over */
    size_t graphs;
    struct key *keys;
    size_t key_count, key_capacity;
    struct map key_index;
    const struct key *data; /* key of the data that is open; NULL: unknown */
    const struct tree *text_at;
    struct buf text;
    /* Where the newest start tag begins and ends in the source. */
    size_t tag, tag_end;
    int line, column;
};

/* --- places -------------------------------------------------------------------------------- */

/* Moves a place on, by characters as a reader of the file counts them. */
static void walk(const struct source *s, size_t from, size_t to, int *line, int *column)
{
    for (size_t i = from; i < to; i++) {
        unsigned char c = (unsigned char)s->text[i];
        if (c == '\n' || (c == '\r' && (i + 1 == s->len || s->text[i + 1] != '\n'))) {
            (*line)++;
            *column = 1;
        } else if ((c & 0xc0) != 0x80 && c != '\r') {
            (*column)++;
        }
    }
}

static struct tree *place(const struct reader *r, size_t offset, size_t length, const char *text)
{
    struct tree *t = arena_alloc(r->report->arena, sizeof(*t));
    t->kind = TREE_SCALAR;
    t->quoted = true;
    t->source = r->source;
    t->text = text;
    t->line = r->line;
    t->column = r->column;
    t->length = (int)(length < 200 ? length : 200);
    walk(r->source, r->tag, offset, &t->line, &t->column);
    return t;
}

/* The parser stands at the end of a start tag; no attribute holds a plain "<". */
static void find_tag(struct reader *r)
{
    const xmlParserInput *in = r->parser->input;
    size_t end = in->consumed + (size_t)(in->cur - in->base);
    end = end < r->source->len ? end : r->source->len;
    const char *start = memrchr(r->source->text, '<', end);
    size_t tag = start != NULL ? (size_t)(start - r->source->text) : r->tag;
    if (tag > r->tag) {
        walk(r->source, r->tag, tag, &r->line, &r->column);
        r->tag = tag;
    }
    r->tag_end = end;
}

static const struct tree *tag_place(const struct reader *r, const char *text)
{
    return place(r, r->tag, r->tag_end - r->tag + 1, text);
}

/* Where the value of an attribute stands in the newest start tag. */
static size_t find_attribute(const struct reader *r, const char *name)
{
    static const char blanks[] = " \t\r\n";
    const char *s = r->source->text + r->tag;
    s += strcspn(s, " \t\r\n>");
    const char *end = r->source->text + r->tag_end;
    while (s < end) {
        s += strspn(s, blanks);
        size_t len = strcspn(s, " \t\r\n=");
        bool found = len == strlen(name) && memcmp(s, name, len) == 0;
        s += len;
        s += strspn(s, blanks);
        s += *s == '=';
        s += strspn(s, blanks);
        if (s >= end || (*s != '"' && *s != '\'')) {
            break;
        }
        if (found) {
            return (size_t)(s + 1 - r->source->text);
        }
        const char *close = memchr(s + 1, *s, (size_t)(end - s - 1));
        if (close == NULL) {
            break;
        }
        s = close + 1;
    }
    return r->tag;
}

/* --- elements ------------------------------------------------------------------------------ */

struct attributes {
    const xmlChar **items; /* local name, prefix, URI, value, its end */
    int count;
};

static const struct tree *attribute(const struct reader *r, struct attributes a, const char *name)
{
    for (int i = 0; i < a.count; i++) {
        const xmlChar **item = a.items + (ptrdiff_t)5 * i;
        if (item[1] == NULL && strcmp((const char *)item[0], name) == 0) {
            size_t len = (size_t)(item[4] - item[3]);
            return place(r, find_attribute(r, name), len,
                         arena_strndup(r->report->arena, (const char *)item[3], len));
        }
    }
    return NULL;
}

static struct diag *complain(struct reader *r, const struct tree *at, const char *code,
                             const char *what)
{
    r->failed = true;
    return report_error(r->report, at, code, "%s", what);
}

static void complain_about(struct reader *r, const struct tree *at, const char *code,
                           const char *format, const char *name)
{
    char *text = mem_printf("%s \"%s\"", format, report_quote(r->report, name));
    complain(r, at, code, text);
    free(text);
}

static const struct tree *required(struct reader *r, struct attributes a, const char *name)
{
    const struct tree *t = attribute(r, a, name);
    if (t == NULL || t->text[0] == '\0') {
        char *text = mem_printf("this element needs the attribute \"%s\"", name);
        complain(r, tag_place(r, ""), "missing-key", text);
        free(text);
        return NULL;
    }
    return t;
}

static enum graphml_item item_of(const char *name, enum domain domain)
{
    static const struct {
        const char *name;
        enum domain domain;
        enum graphml_item item;
    } known[] = {
        {"label", FOR_NODE, GRAPHML_LABEL},         {"name", FOR_NODE, GRAPHML_LABEL},
        {"latitude", FOR_NODE, GRAPHML_LATITUDE},   {"lat", FOR_NODE, GRAPHML_LATITUDE},
        {"longitude", FOR_NODE, GRAPHML_LONGITUDE}, {"lon", FOR_NODE, GRAPHML_LONGITUDE},
        {"link", FOR_EDGE, GRAPHML_LINK},           {"delay", FOR_EDGE, GRAPHML_DELAY},
        {"rate", FOR_EDGE, GRAPHML_RATE},           {"bandwidth", FOR_EDGE, GRAPHML_RATE},
        {"linkspeedraw", FOR_EDGE, GRAPHML_RATE},   {"mtu", FOR_EDGE, GRAPHML_MTU},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(known); i++) {
        if (strcasecmp(name, known[i].name) == 0 &&
            (domain == FOR_ALL || domain == known[i].domain)) {
            return known[i].item;
        }
    }
    return GRAPHML_ITEMS;
}

static void on_key(struct reader *r, struct attributes a)
{
    static const char *const domains[] = {"all", "node", "edge"};
    const struct tree *id = required(r, a, "id");
    const struct tree *name = attribute(r, a, "attr.name");
    const struct tree *domain = attribute(r, a, "for");
    r->where = IN_KEY;
    struct key *key = MEM_PUSH(r->keys, r->key_count, r->key_capacity);
    *key = (struct key){.domain = domain == NULL ? FOR_ALL : FOR_OTHER, .item = GRAPHML_ITEMS};
    for (size_t i = 0; domain != NULL && i < SIM_ARRAY_LEN(domains); i++) {
        key->domain = strcmp(domain->text, domains[i]) == 0 ? (enum domain)i : key->domain;
    }
    if (id == NULL) {
        return;
    }
    uint64_t before;
    key->id = id->text;
    if (map_get_str(&r->key_index, id->text, &before)) {
        complain_about(r, id, "duplicate-id", "there are two keys", id->text);
        return;
    }
    map_set_str(&r->key_index, id->text, r->key_count - 1);
    key->item = name != NULL ? item_of(name->text, key->domain) : GRAPHML_ITEMS;
}

static void refuse_direction(struct reader *r, const struct tree *at)
{
    report_hint(complain(r, at, "directed-graph",
                         "this graph is directed, and links carry both directions"),
                "write undirected, and each edge once");
}

static void on_graph(struct reader *r, struct attributes a)
{
    const struct tree *direction = attribute(r, a, "edgedefault");
    r->where = IN_GRAPH;
    if (r->graphs++ > 0) {
        complain(r, tag_place(r, ""), "several-graphs", "a second graph begins here");
    }
    if (direction != NULL && strcmp(direction->text, "undirected") != 0) {
        refuse_direction(r, direction);
    }
}

static void on_node(struct reader *r, struct attributes a)
{
    r->where = IN_NODE;
    *MEM_PUSH(r->g->nodes, r->g->node_count, r->g->node_capacity) =
        (struct graphml_node){.id = required(r, a, "id")};
}

static void on_edge(struct reader *r, struct attributes a)
{
    const struct tree *directed = attribute(r, a, "directed");
    r->where = IN_EDGE;
    if (directed != NULL && strcmp(directed->text, "false") != 0) {
        refuse_direction(r, directed);
    }
    *MEM_PUSH(r->g->edges, r->g->edge_count, r->g->edge_capacity) =
        (struct graphml_edge){.at = tag_place(r, "edge"),
                              .source = required(r, a, "source"),
                              .target = required(r, a, "target")};
}

/* Text begins behind the start tag; blanks are not part of it. */
static void begin_text(struct reader *r)
{
    const char *s = r->source->text;
    size_t from = r->tag_end < r->source->len ? r->tag_end + 1 : r->tag_end;
    while (from < r->source->len && strchr(" \t\r\n", s[from]) != NULL) {
        from++;
    }
    size_t to = from;
    while (to < r->source->len && s[to] != '<' && s[to] != '\n') {
        to++;
    }
    buf_clear(&r->text);
    r->text_at = place(r, from, to > from ? to - from : 1, "");
}

static void on_data(struct reader *r, struct attributes a)
{
    const struct tree *name = required(r, a, "key");
    uint64_t index;
    r->owner = r->where;
    r->where = IN_DATA;
    r->data = NULL;
    if (name == NULL) {
        return;
    }
    if (!map_get_str(&r->key_index, name->text, &index)) {
        complain_about(r, name, "unknown-key", "no key is declared with the id", name->text);
        return;
    }
    r->data = &r->keys[index];
    begin_text(r);
}

static bool is(const xmlChar *name, const char *wanted)
{
    return strcmp((const char *)name, wanted) == 0;
}

/* What stands at an element: true when it was taken. */
static bool open_element(struct reader *r, const xmlChar *name, struct attributes a)
{
    switch (r->where) {
    case IN_NOTHING:
        if (is(name, "graphml")) {
            r->where = IN_GRAPHML;
            return true;
        }
        complain_about(r, tag_place(r, ""), "wrong-type",
                       "a GraphML file begins with <graphml>, not", (const char *)name);
        return false;
    case IN_GRAPHML:
        if (is(name, "key")) {
            on_key(r, a);
            return true;
        }
        if (is(name, "graph")) {
            on_graph(r, a);
            return true;
        }
        return false;
    case IN_KEY:
        if (is(name, "default")) {
            r->where = IN_DEFAULT;
            begin_text(r);
            return true;
        }
        return false;
    case IN_GRAPH:
        if (is(name, "node")) {
            on_node(r, a);
            return true;
        }
        if (is(name, "edge")) {
            on_edge(r, a);
            return true;
        }
        return false;
    case IN_NODE:
    case IN_EDGE:
        if (is(name, "data")) {
            on_data(r, a);
            return true;
        }
        return false;
    case IN_DEFAULT:
    case IN_DATA:
        return false;
    }
    return false;
}

/* What GraphML has at this place and this reader passes over, refuses, or what it has not. */
static void pass_over(struct reader *r, const xmlChar *name)
{
    static const char *const harmless[] = {"desc", "port", "data"};
    r->skip = 1;
    for (size_t i = 0; i < SIM_ARRAY_LEN(harmless); i++) {
        if (is(name, harmless[i])) {
            return;
        }
    }
    if (is(name, "hyperedge") || is(name, "locator")) {
        complain_about(r, tag_place(r, ""), "not-implemented",
                       "GraphML that is not read here:", (const char *)name);
    } else if (is(name, "graph")) {
        complain(r, tag_place(r, ""), "nested-graph", "a graph within a node or an edge");
    } else if (r->where != IN_NOTHING) {
        complain_about(r, tag_place(r, ""), "unknown-element",
                       "GraphML has at this place no element", (const char *)name);
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
    struct reader *r = context;
    if (r->skip > 0) {
        r->skip++;
        return;
    }
    find_tag(r);
    if (r->tag_end == r->source->len || strchr("/>", r->source->text[r->tag_end]) == NULL) {
        return; /* libxml2 is about to complain that the tag does not end */
    }
    bool foreign = uri != NULL && strcmp((const char *)uri, namespace_uri) != 0;
    if (r->where == IN_DATA || r->where == IN_DEFAULT || (foreign && r->where != IN_NOTHING)) {
        r->skip = 1; /* data may hold anything, and other vocabularies add what they like */
        return;
    }
    if (!open_element(r, name, (struct attributes){attributes, attribute_count})) {
        pass_over(r, name);
    }
}

static void on_characters(void *context, const xmlChar *text, int len)
{
    struct reader *r = context;
    if (r->skip == 0 && (r->where == IN_DATA || r->where == IN_DEFAULT)) {
        buf_append(&r->text, span_of(text, (size_t)len));
    }
}

/* The text gathered, without blanks around, at its place. */
static const struct tree *finish_text(struct reader *r)
{
    struct span text = buf_span(&r->text);
    while (text.len > 0 && strchr(" \t\r\n", text.data[0]) != NULL) {
        text = span_of(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]) != NULL) {
        text.len--;
    }
    struct tree *t = arena_alloc(r->report->arena, sizeof(*t));
    *t = *r->text_at;
    t->text =
        arena_strndup(r->report->arena, text.len > 0 ? (const char *)text.data : "", text.len);
    return t;
}

static void close_data(struct reader *r)
{
    bool of_node = r->owner == IN_NODE;
    r->where = r->owner;
    if (r->data == NULL) {
        return;
    }
    enum domain domain = of_node ? FOR_NODE : FOR_EDGE;
    if (r->data->domain != FOR_ALL && r->data->domain != domain) {
        complain_about(r, r->text_at, "unknown-key",
                       of_node ? "not declared for nodes: the key"
                               : "not declared for edges: the key",
                       r->data->id);
        return;
    }
    if (r->data->item == GRAPHML_ITEMS) {
        return;
    }
    const struct tree **items =
        of_node ? r->g->nodes[r->g->node_count - 1].items : r->g->edges[r->g->edge_count - 1].items;
    const struct tree *t = finish_text(r);
    if (items[r->data->item] != NULL) {
        complain_about(r, t, "duplicate-key", "a second value of the key", r->data->id);
    } else {
        items[r->data->item] = t;
    }
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    (void)name;
    (void)prefix;
    (void)uri;
    struct reader *r = context;
    if (r->skip > 0) {
        r->skip--;
        return;
    }
    switch (r->where) {
    case IN_NOTHING:
    case IN_GRAPHML:
        r->where = IN_NOTHING;
        break;
    case IN_KEY:
    case IN_GRAPH:
        r->where = IN_GRAPHML;
        break;
    case IN_DEFAULT:
        r->where = IN_KEY;
        r->keys[r->key_count - 1].fallback = finish_text(r);
        break;
    case IN_NODE:
    case IN_EDGE:
        r->where = IN_GRAPH;
        break;
    case IN_DATA:
        close_data(r);
        break;
    }
}

/* Entities of the file's own are how small files become large ones. */
static void on_entity(void *context, const xmlChar *name, int type, const xmlChar *public,
                      const xmlChar *system, xmlChar *content)
{
    (void)type;
    (void)public;
    (void)system;
    (void)content;
    struct reader *r = context;
    if (!r->broken) {
        r->broken = true;
        report_at(r->report, DIAG_ERROR, r->source, r->parser->input->line, 1, 1, "xml-entity",
                  "entities of the file's own (\"%s\") are not read",
                  report_quote(r->report, (const char *)name));
    }
    xmlStopParser(r->parser);
}

static void on_error(void *context, xmlErrorPtr error)
{
    struct reader *r = context;
    if (error->level == XML_ERR_WARNING || r->broken) {
        return;
    }
    r->broken = true;
    char *text = mem_strdup(error->message != NULL ? error->message : "not well-formed");
    text[strcspn(text, "\r\n")] = '\0';
    report_at(r->report, DIAG_ERROR, r->source, error->line > 0 ? error->line : 1,
              error->int2 > 0 ? error->int2 : 1, 1, "xml-syntax", "XML: %s",
              report_quote(r->report, text));
    free(text);
}

static const xmlSAXHandler handler = {
    .initialized = XML_SAX2_MAGIC,
    .startElementNs = on_start,
    .endElementNs = on_end,
    .characters = on_characters,
    .ignorableWhitespace = on_characters,
    .cdataBlock = on_characters,
    .entityDecl = on_entity,
    .serror = on_error,
};

/* Elements without data of their own have the key's default. */
static void fill_defaults(struct reader *r)
{
    for (size_t k = 0; k < r->key_count; k++) {
        const struct key *key = &r->keys[k];
        if (key->fallback == NULL || key->item == GRAPHML_ITEMS) {
            continue;
        }
        bool of_node = key->item <= GRAPHML_LONGITUDE;
        size_t count = of_node ? r->g->node_count : r->g->edge_count;
        for (size_t i = 0; i < count; i++) {
            const struct tree **items = of_node ? r->g->nodes[i].items : r->g->edges[i].items;
            items[key->item] = items[key->item] != NULL ? items[key->item] : key->fallback;
        }
    }
}

bool graphml_read(struct report *r, const struct source *source, struct graphml *ret)
{
    *ret = (struct graphml){0};
    if (!yaml_check_text(r, source)) {
        return false;
    }
    struct reader reader = {.report = r, .source = source, .g = ret, .line = 1, .column = 1};
    xmlInitParser();
    reader.parser = xmlCreateMemoryParserCtxt(source->text, (int)source->len);
    if (reader.parser == NULL) {
        report_at(r, DIAG_ERROR, source, 1, 1, 1, "empty-file", "this file holds no graph");
        return false;
    }
    xmlCtxtUseOptions(reader.parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    *reader.parser->sax = handler;
    reader.parser->userData = &reader;
    xmlParseDocument(reader.parser);
    if (!reader.parser->wellFormed && !reader.broken && !reader.failed) {
        reader.broken = true;
        report_at(r, DIAG_ERROR, source, 1, 1, 1, "xml-syntax", "XML: not well-formed");
    }
    xmlFreeDoc(reader.parser->myDoc); /* made for an entity, and kept when the parser is stopped */
    xmlFreeParserCtxt(reader.parser);
    if (!reader.broken && !reader.failed && reader.graphs == 0) {
        reader.failed = true;
        report_at(r, DIAG_ERROR, source, 1, 1, 1, "empty-file", "this file holds no graph");
    }
    fill_defaults(&reader);
    map_fini(&reader.key_index);
    free(reader.keys);
    buf_fini(&reader.text);
    return !reader.broken && !reader.failed;
}

void graphml_fini(struct graphml *g)
{
    free(g->nodes);
    free(g->edges);
    *g = (struct graphml){0};
}
