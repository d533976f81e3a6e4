/* A stream that is edited on the way: both countings of octets, and segments that are sent again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/attack_stream.h"

static const char text[] = "abcdefghij";

/* What the receiver gets of text[from..to). */
static void gets(const struct edited_stream *s, uint32_t from, uint32_t to, const char *wanted)
{
    struct buf out = {0};
    edited_apply(s, from, span_of(text + from, to - from), &out);
    char *got = buf_steal_str(&out);
    assert_string_equal(got, wanted);
    free(got);
}

static void nothing_changes_without_edits(void **state)
{
    (void)state;
    struct edited_stream s = {0};
    gets(&s, 0, 10, text);
    assert_int_equal(edited_forward(&s, 7), 7);
    assert_int_equal(edited_back(&s, 7, 10), 7);
    edited_fini(&s);
}

static void octets_are_altered_removed_and_put_in(void **state)
{
    (void)state;
    struct edited_stream s = {0};
    edited_set(&s, 1, 'X');
    edited_remove(&s, 3, 2);                /* d, e */
    edited_insert(&s, 6, span_of("12", 2)); /* behind f */
    gets(&s, 0, 10, "aXcf12ghij");
    /* However it is cut into segments, and again: the same octets, each once. */
    for (uint32_t cut = 0; cut <= 10; cut++) {
        struct buf out = {0};
        edited_apply(&s, 0, span_of(text, cut), &out);
        assert_int_equal(edited_forward(&s, cut), buf_len(&out));
        edited_apply(&s, cut, span_of(text + cut, 10 - cut), &out);
        char *got = buf_steal_str(&out);
        assert_string_equal(got, "aXcf12ghij");
        free(got);
    }
    gets(&s, 3, 5, "");
    edited_fini(&s);
}

static void acknowledgements_are_counted_back(void **state)
{
    (void)state;
    struct edited_stream s = {0};
    edited_remove(&s, 3, 2);
    edited_insert(&s, 6, span_of("12", 2));
    assert_int_equal(edited_back(&s, 3, 10), 5); /* what was taken out counts as arrived */
    assert_int_equal(edited_back(&s, 4, 10), 5); /* f is there, but not all that follows it */
    assert_int_equal(edited_back(&s, 5, 10), 5);
    assert_int_equal(edited_back(&s, 6, 10), 6);
    assert_int_equal(edited_back(&s, 10, 10), 10);
    assert_int_equal(edited_back(&s, 400, 10), 10);
    edited_fini(&s);
}

static void a_stream_is_cut_off(void **state)
{
    (void)state;
    struct edited_stream s = {0};
    edited_remove(&s, 4, UINT32_MAX);
    gets(&s, 0, 10, "abcd");
    gets(&s, 6, 10, "");
    assert_int_equal(edited_forward(&s, 9), 4);
    assert_int_equal(edited_back(&s, 4, 10), 10);
    edited_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes_without_edits),
        cmocka_unit_test(octets_are_altered_removed_and_put_in),
        cmocka_unit_test(acknowledgements_are_counted_back),
        cmocka_unit_test(a_stream_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
