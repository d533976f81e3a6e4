/* What attackers do with whole records, whose content they cannot read. */
#include <stdio.h>
#include <string.h>

#include "models/attackers/attackers.h"

enum { RECORD_APPLICATION_DATA = 23 };

/* First octet and length of a part of the unit. */
static void part_of(const struct attack_unit *unit, enum scenario_attack_part part, size_t *at,
                    size_t *len)
{
    size_t header = unit->dtls ? ATTACK_DTLS_HEADER_BYTES : ATTACK_HEADER_BYTES;
    switch (part) {
    case PART_BODY:
        *at = header;
        *len = unit->len - header;
        break;
    case PART_TYPE: /* of a frame: its encoding */
        *at = unit->frame ? 4 : 0;
        *len = 1;
        break;
    case PART_VERSION: /* a frame has none */
        *at = 1;
        *len = unit->frame ? 0 : 2;
        break;
    case PART_LENGTH:
        *at = unit->frame ? 0 : header - 2;
        *len = unit->frame ? 4 : 2;
        break;
    case PART_SEQUENCE: /* TLS counts for itself */
        *at = ATTACK_DTLS_SEQUENCE_AT;
        *len = unit->dtls ? 8 : 0;
        break;
    case PART_RECORD:
        *at = 0;
        *len = unit->len;
        break;
    }
}

void tamper_begins(const struct scenario_attacker *conf, struct rng *rng,
                   const struct attack_unit *unit, struct attack_plan *plan)
{
    size_t at = 0;
    size_t len = 0;
    part_of(unit, conf->part, &at, &len);
    if (len == 0) {
        return;
    }
    uint64_t bit = conf->bit != SCENARIO_NONE ? conf->bit % (8 * len) : rng_below(rng, 8 * len);
    size_t octet = at + (size_t)(bit / 8);
    if (octet >= unit->bytes.len) {
        /* Only what is here yet can be read, and so be flipped. */
        octet = at + (size_t)(bit / 8) % (unit->bytes.len > at ? unit->bytes.len - at : 1);
        if (octet >= unit->bytes.len) {
            return;
        }
    }
    plan->act = ATTACK_SET;
    plan->sets[0].at = octet;
    plan->sets[0].value = (uint8_t)(unit->bytes.data[octet] ^ (0x80U >> (bit % 8)));
    plan->set_count = 1;
    snprintf(plan->what, sizeof(plan->what), "bit %u of octet %zu flipped", (unsigned)(bit % 8),
             octet);
}

void replay_ends(const struct scenario_attacker *conf, struct rng *rng,
                 const struct attack_unit *unit, struct attack_plan *plan)
{
    (void)conf;
    (void)rng;
    plan->act = ATTACK_INSERT;
    buf_append(&plan->insert, unit->bytes);
    snprintf(plan->what, sizeof(plan->what), "%zu octets sent again", unit->len);
}

void reorder_begins(const struct scenario_attacker *conf, struct rng *rng,
                    const struct attack_unit *unit, struct attack_plan *plan)
{
    (void)conf;
    (void)rng;
    plan->act = ATTACK_KEEP;
    snprintf(plan->what, sizeof(plan->what), "%zu octets behind the next record", unit->len);
}

void reorder_ends(const struct scenario_attacker *conf, struct rng *rng,
                  const struct attack_unit *unit, struct attack_plan *plan)
{
    (void)conf;
    (void)rng;
    if (unit->kept.len > 0) {
        plan->act = ATTACK_INSERT;
        buf_append(&plan->insert, unit->kept);
    }
}

void delay_begins(const struct scenario_attacker *conf, struct rng *rng,
                  const struct attack_unit *unit, struct attack_plan *plan)
{
    (void)rng;
    (void)unit;
    plan->act = ATTACK_HOLD;
    snprintf(plan->what, sizeof(plan->what), "held back for %.3f s", (double)conf->by / 1e9);
}

void drop_begins(const struct scenario_attacker *conf, struct rng *rng,
                 const struct attack_unit *unit, struct attack_plan *plan)
{
    (void)conf;
    (void)rng;
    plan->act = ATTACK_REMOVE;
    snprintf(plan->what, sizeof(plan->what), "%zu octets taken out", unit->len);
}

/* The record that would come next: its epoch, and the number after this one's. */
static void forge_header(const struct attack_unit *unit, uint16_t body, struct buf *out)
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++) {
        number = number << 8 | unit->bytes.data[ATTACK_DTLS_SEQUENCE_AT + i];
    }
    buf_append_u8(out, RECORD_APPLICATION_DATA);
    buf_append_u16(out, 0xfefd);
    buf_append_u32(out, (uint32_t)((number + 1) >> 32));
    buf_append_u32(out, (uint32_t)(number + 1));
    buf_append_u16(out, body);
}

void inject_ends(const struct scenario_attacker *conf, struct rng *rng,
                 const struct attack_unit *unit, struct attack_plan *plan)
{
    plan->act = ATTACK_INSERT;
    if (unit->frame) {
        buf_append_u32(&plan->insert, conf->size);
        buf_append_u8(&plan->insert, unit->bytes.data[4]);
    } else if (unit->dtls) {
        forge_header(unit, (uint16_t)conf->size, &plan->insert);
    } else {
        buf_append_u8(&plan->insert, RECORD_APPLICATION_DATA);
        buf_append_u16(&plan->insert, 0x0303);
        buf_append_u16(&plan->insert, (uint16_t)conf->size);
    }
    for (uint32_t i = 0; i < conf->size; i++) {
        buf_append_u8(&plan->insert, (uint8_t)rng_below(rng, 256));
    }
    snprintf(plan->what, sizeof(plan->what), "%zu octets forged", buf_len(&plan->insert));
}

void reflect_ends(const struct scenario_attacker *conf, struct rng *rng,
                  const struct attack_unit *unit, struct attack_plan *plan)
{
    (void)conf;
    (void)rng;
    if (unit->other.len == 0) {
        return;
    }
    plan->act = ATTACK_INSERT;
    buf_append(&plan->insert, unit->other);
    snprintf(plan->what, sizeof(plan->what), "%zu octets of its own came back", unit->other.len);
}

void truncate_ends(const struct scenario_attacker *conf, struct rng *rng,
                   const struct attack_unit *unit, struct attack_plan *plan)
{
    (void)conf;
    (void)rng;
    (void)unit;
    plan->act = ATTACK_CUT;
    snprintf(plan->what, sizeof(plan->what), "the stream ended behind the record");
}
