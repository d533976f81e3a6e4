/* The drawing of a chart: well-formed whatever it is given, every row once, no row upon another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/cli/chart.h"

static void add_line(struct chart *c, const char *name)
{
    *MEM_PUSH(c->lines, c->line_count, c->line_capacity) =
        (struct chart_line){.name = mem_strdup(name), .role = mem_strdup("PNE")};
}

static struct chart_row *arrow(struct chart *c, sim_time at, uint32_t from, uint32_t to,
                               const char *text)
{
    struct chart_row *r = chart_add(c);
    r->at = at;
    r->from = from;
    r->to = to;
    r->text = mem_strdup(text);
    r->more = mem_strdup("1 octet");
    r->id = mem_printf("data-message=\"%zu\"", c->row_count);
    return r;
}

static struct chart small(const char *name, const char *text)
{
    struct chart c = {.title = mem_strdup(text), .subtitle = mem_strdup(text)};
    add_line(&c, name);
    add_line(&c, "b");
    arrow(&c, 0, 0, 1, text);
    struct chart_row *state = chart_add(&c);
    state->shape = CHART_STATE;
    state->text = mem_strdup(text);
    struct chart_row *band = chart_add(&c);
    band->shape = CHART_BAND;
    band->to = 1;
    band->text = mem_strdup(text);
    return c;
}

/* Python's XML reader takes it, and the script finds nothing wrong; `root` is the document. */
static void judge(struct buf *svg, const char *script)
{
    char dir[] = "/tmp/cpnsim-chart-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *path = mem_printf("%s/chart.svg", dir);
    char *program = mem_printf("%s/judge.py", dir);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fwrite(buf_span(svg).data, 1, buf_len(svg), f);
    fclose(f);
    f = fopen(program, "we");
    assert_non_null(f);
    fprintf(f,
            "import sys, re\nimport xml.etree.ElementTree as tree\n"
            "root = tree.parse(sys.argv[1]).getroot()\n"
            "ns = '{http://www.w3.org/2000/svg}'\n"
            "arrows = [g for g in root.iter(ns + 'g') if g.get('class', '').startswith('arrow')]\n"
            "texts = [t.text or '' for t in root.iter(ns + 'text')]\n%s",
            script);
    fclose(f);
    char *command = mem_printf("python3 %s %s", program, path);
    int status = system(command);
    unlink(path);
    unlink(program);
    rmdir(dir);
    free(path);
    free(program);
    free(command);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void any_text_is_shown_as_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown; /* as Python writes it */
    } cases[] = {
        {"<&>\"'", "'<&>\"\\''"},
        {"]]>", "']]>'"},
        {"</text><script>x</script>", "'</text><script>x</script>'"},
        {"gr\xc3\xbc\xc3\x9f \xe2\x86\x92 \xf0\x9f\x94\x92",
         "'gr\\u00fc\\u00df \\u2192 \\U0001f512'"},
        /* octets that are no UTF-8, or no characters of XML */
        {"\x01\x1f", "'\\ufffd\\ufffd'"},
        {"a\xff"
         "b\xc3",
         "'a\\ufffdb\\ufffd'"},
        {"\xc0\xaf\xed\xa0\x80", "'\\ufffd' * 5"},
        {"\xef\xbf\xbe", "'\\ufffd' * 3"},
        {"\xf4\x90\x80\x80", "'\\ufffd' * 4"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct chart c = small(cases[i].text, cases[i].text);
        struct buf svg = {0};
        chart_draw(&c, &svg);
        char *script = mem_printf("wanted = %s\n"
                                  "# title, subtitle, lifeline, arrow, state, band\n"
                                  "sys.exit(texts.count(wanted) != 6)\n",
                                  cases[i].shown);
        judge(&svg, script);
        free(script);
        buf_fini(&svg);
        chart_fini(&c);
    }
}

static void an_empty_chart_is_one_too(void **state)
{
    (void)state;
    struct chart c = {.title = mem_strdup("none"), .subtitle = mem_strdup("")};
    struct buf svg = {0};
    chart_draw(&c, &svg);
    judge(&svg, "sys.exit(len(arrows) != 0)\n");
    buf_fini(&svg);
    chart_fini(&c);
}

/* Every kind has a dash of its own, or none and a mark or shape of its own; every fate its end. */
static void kinds_and_fates_differ_without_colour(void **state)
{
    (void)state;
    struct chart c = {.title = mem_strdup("kinds"), .subtitle = mem_strdup("and fates")};
    add_line(&c, "a");
    add_line(&c, "b");
    for (uint32_t kind = 0; kind < CHART_KINDS; kind++) {
        arrow(&c, kind, 0, 1, "m")->kind = kind;
    }
    for (uint32_t fate = CHART_ARRIVED; fate <= CHART_IN_FLIGHT; fate++) {
        arrow(&c, 100 + fate, 1, 0, "m")->fate = fate;
    }
    struct buf svg = {0};
    chart_draw(&c, &svg);
    judge(&svg, "style = ''.join(root.find(ns + 'style').itertext())\n"
                "dashes = {}\n"
                "for g in arrows:\n"
                "    kind = g.get('class').split()[1]\n"
                "    rule = re.search(r'\\.' + kind + r' line\\{([^}]*)\\}', style).group(1)\n"
                "    dashes[kind] = re.sub(r'stroke:[^;]*;', '', rule)\n"
                "assert len(dashes) == 10, dashes\n"
                "assert 'dasharray' not in dashes['protected']\n"
                "exempt = [k for k in dashes if 'dasharray' in dashes[k]]\n"
                "assert len(exempt) == 7 and len({dashes[k] for k in exempt}) == 7, dashes\n"
                "assert len(set(dashes.values())) == 10, dashes\n"
                "def end(g):\n"
                "    line = g.find(ns + 'line')\n"
                "    return (abs(int(line.get('x2')) - int(line.get('x1'))),\n"
                "            [p.get('class') for p in g.findall(ns + 'path')], len(g.findall(ns + "
                "'circle')))\n"
                "ends = [end(g) for g in arrows[10:]]\n"
                "assert len({str(e) for e in ends}) == 5, ends\n"
                "legend = [t for t in texts if 'session' in t or 'exempt' in t]\n"
                "assert len(legend) == 8, legend\n");
    buf_fini(&svg);
    chart_fini(&c);
}

/* A long chart has pages, each with the lifelines' names; nothing stands upon anything else. */
static void long_charts_have_pages(void **state)
{
    (void)state;
    struct chart c = {.title = mem_strdup("long"), .subtitle = mem_strdup("one\ntwo")};
    for (int i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof(name), "element/%d%s", i,
                 i == 2 ? " with a name of some length" : "");
        add_line(&c, name);
    }
    for (uint32_t i = 0; i < 400; i++) {
        struct chart_row *r =
            arrow(&c, i * (i % 50 == 0 ? 3 * SIM_S : SIM_MS), i % 5, (i + 1 + i % 3) % 5,
                  i % 7 == 0 ? "one line,\nand another,\nand a third" : "Message");
        r->kind = i % CHART_KINDS;
        r->fate = i % 4;
    }
    struct buf svg = {0};
    struct buf again = {0};
    chart_draw(&c, &svg);
    chart_draw(&c, &again);
    assert_true(span_equal(buf_span(&svg), buf_span(&again)));
    judge(&svg,
          "assert len(arrows) == 400\n"
          "assert len({g.get('data-message') for g in arrows}) == 400\n"
          "pages = [t for t in texts if re.fullmatch(r'page \\d+ of \\d+', t)]\n"
          "assert len(pages) > 10 and pages[0] == f'page 1 of {len(pages)}', pages\n"
          "assert texts.count('element/3') == len(pages)\n"
          "height = int(root.get('height'))\n"
          "below = 0\n"
          "for g in arrows:\n"
          "    ys = [int(t.get('y')) for t in g.findall(ns + 'text')]\n"
          "    assert min(ys) - 11 > below, (min(ys), below)\n"
          "    below = max(ys)\n"
          "assert below < height\n"
          "# labels stand between the borders\n"
          "width = int(root.get('width'))\n"
          "for t in root.iter(ns + 'text'):\n"
          "    half = len(t.text or '') * 6.2 / (2 if t.get('text-anchor') == 'middle' else 1)\n"
          "    x = int(t.get('x'))\n"
          "    if t.get('text-anchor') == 'middle':\n"
          "        assert x - half > 0 and x + half < width, t.text\n");
    buf_fini(&svg);
    buf_fini(&again);
    chart_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_text_is_shown_as_it_is),
        cmocka_unit_test(an_empty_chart_is_one_too),
        cmocka_unit_test(kinds_and_fates_differ_without_colour),
        cmocka_unit_test(long_charts_have_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
