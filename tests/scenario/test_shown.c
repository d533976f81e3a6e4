/* What two shipped scenarios say they show: what the exemption of group messages exposes, to whom,
 * and what session and group_key change; what devices of 2011 lose against those of today. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/core/base.h"
#include "tests/support/whole_run.h"

/* group-messages-exposed.yaml, and a claim that it has not got itself. */
static int run_exposed(const char *protection, const char *claim)
{
    char *here = realpath("topologies/group-messages-exposed.yaml", NULL);
    assert_non_null(here);
    char *yaml = mem_printf("cpns: 1\nname: exposed\ninclude: [\"%s\"]\nparams: {protection: %s}\n"
                            "expect:\n  - {claim: %s}\n",
                            here, protection, claim);
    int code = whole_run("exposed", yaml, "");
    free(yaml);
    free(here);
    return code;
}

static void assert_rows(const char *wanted, const char *sql)
{
    char *rows = whole_rows("exposed", sql);
    assert_string_equal(rows, wanted);
    free(rows);
}

static const char links[] = "SELECT verdict, count(DISTINCT link), count(DISTINCT subject) "
                            "FROM v_probe WHERE property = 'group-confidentiality' GROUP BY 1";
/* Who held a group message, its own or a copy, without being a member. */
static const char relays[] = "SELECT count(*) FROM v_message_hop h JOIN v_message m USING "
                             "(message_id) WHERE m.type = 'SGMessage' AND h.receiver = '%s'";
/* Of what they hand on, who could read how much. */
static const char curious[] =
    "SELECT substr(evidence, 1, instr(evidence, ' ') - 1), held > 0, held < trials FROM v_probe "
    "WHERE kind = 'curious-relay' ORDER BY 1";

/* Eight members on two phones: all their links and both uplinks show every message. */
static void the_exemption_exposes_group_messages_on_every_link(void **state)
{
    (void)state;
    assert_int_equal(run_exposed("none", "group-confidentiality"), 1);
    assert_rows("violated|10|2\n", links);
    assert_rows("0|1\n", "SELECT sum(held), sum(trials) > 600 FROM v_probe WHERE property = "
                         "'group-confidentiality'");
    assert_rows("600|600|600\n", "SELECT count(*), sum(clear_hops = hops), sum(overheard) FROM "
                                 "v_end_to_end WHERE type = 'SGMessage'");
    assert_rows("phone/1|0|1\nphone/2|0|1\nserver|0|1\n", curious);
    static const char *const holders[] = {"phone/1", "phone/2", "server"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(holders); i++) {
        char *sql = mem_printf(relays, holders[i]);
        assert_true(whole_int("exposed", sql) >= 60);
        free(sql);
    }
}

static void through_the_sessions_links_show_nothing_and_relays_all(void **state)
{
    (void)state;
    assert_int_equal(run_exposed("session", "group-confidentiality"), 2); /* nothing is exempt */
    assert_int_equal(run_exposed("session", "confidentiality"), 0);
    assert_rows("", links);
    assert_rows("600|0|0|1\n", "SELECT count(*), sum(clear_hops), sum(overheard), "
                               "min(forward_secret) FROM v_end_to_end WHERE type = 'SGMessage'");
    assert_rows("phone/1|0|1\nphone/2|0|1\nserver|0|1\n", curious);
}

/* The phones hand on what they cannot read; the server, which makes the keys, can. */
static void under_a_group_key_phones_are_blind_too(void **state)
{
    (void)state;
    assert_int_equal(run_exposed("group_key", "group-confidentiality"), 0);
    assert_rows("held|10|2\n", links);
    assert_rows("600|600|0\n", "SELECT count(*), sum(clear_hops = hops), sum(overheard) FROM "
                               "v_end_to_end WHERE type = 'SGMessage'");
    assert_rows("phone/1|1|1\nphone/2|1|1\nserver|0|1\n", curious);
}

/* What comes before the establishment is exempt, whatever is made of groups. */
static void discovery_is_always_shown(void **state)
{
    (void)state;
    static const char *const protections[] = {"none", "session", "group_key"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(protections); i++) {
        assert_int_equal(run_exposed(protections[i], "exempt-confidentiality"), 1);
        assert_rows("before_establishment|violated|10\n",
                    "SELECT exemption, verdict, count(DISTINCT link) FROM v_probe WHERE property = "
                    "'exempt-confidentiality' GROUP BY 1, 2");
    }
}

static void assert_property(const char *policy, const char *property, const char *wanted)
{
    char *sql = mem_printf("SELECT DISTINCT p.verdict FROM v_property p JOIN v_session s USING "
                           "(session_id) WHERE s.policy = '%s' AND s.hop = 'pne-gateway' AND "
                           "property = '%s' ORDER BY 1",
                           policy, property);
    char *rows = whole_rows("past", sql);
    if (strcmp(rows, wanted) != 0) {
        print_error("%s under %s: %s", property, policy, rows);
    }
    assert_string_equal(rows, wanted);
    free(rows);
    free(sql);
}

static void devices_of_2011_lose_what_todays_keep(void **state)
{
    (void)state;
    assert_int_equal(whole_cpnsim("run topologies/legacy-vs-modern.yaml --set past=legacy-2011 "
                                  "--set 'run.record.pcap=*/1' --pcap '%s/past' -o '%s/past.db' "
                                  "--progress never",
                                  whole_dir(), whole_dir()),
                     0);
    /* What both keep: nothing is read, altered, repeated or cut off unnoticed while it happens. */
    static const char *const policies[] = {"legacy-2011", "modern"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(policies); i++) {
        assert_property(policies[i], "confidentiality", "held\n");
        assert_property(policies[i], "integrity", "held\n");
        assert_property(policies[i], "replay-protection", "held\n");
        assert_property(policies[i], "completeness", "held\n");
    }
    /* What the old ones lose: who they are, whom they talk to. */
    assert_property("legacy-2011", "identity-privacy", "violated\n");
    assert_property("modern", "identity-privacy", "held\n");
    assert_int_equal(whole_int("past", "SELECT count(*) FROM v_session WHERE policy = "
                                       "'legacy-2011' AND (initiator_auth <> 'none' OR version <> "
                                       "'TLSv1' OR forward_secret)"),
                     0);
    if (system("tshark --version >/dev/null 2>&1") != 0) {
        skip();
    }
    /* And all that was recorded, once the key of the phone leaks. */
    whole_cpnsim("check '%s/past.db' --witness tshark --pcap '%s/past'", whole_dir(), whole_dir());
    char *out = whole_stdout();
    assert_non_null(strstr(out, "VIOLATED  forward-secrecy of thief, who took the keys of old"));
    assert_non_null(strstr(out, "holds     forward-secrecy of thief, who took the keys of new"));
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exemption_exposes_group_messages_on_every_link),
        cmocka_unit_test(through_the_sessions_links_show_nothing_and_relays_all),
        cmocka_unit_test(under_a_group_key_phones_are_blind_too),
        cmocka_unit_test(discovery_is_always_shown),
        cmocka_unit_test(devices_of_2011_lose_what_todays_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
