/* The sending half of a stream: windows, retransmission timer (RFC 6298), and loss recovery by SACK
 * (RFC 6675) with proportional rate reduction (RFC 6937), in the form that ns-3 3.37 gives them:
 *
 * - a segment is lost when three segments above it are sacked; a duplicate acknowledgement is one
 *   that sacks something new;
 * - what is sent again may take in the next segment, up to a whole one;
 * - the retransmission timer starts with the first segment in flight and again with each
 *   acknowledgement of something new, in recovery with the first of them only, and in disorder not
 *   at all;
 * - windows grow by whole segments, and not with the acknowledgement that ends a timeout's loss. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/net/net_fast.h"

enum {
    DUPLICATES = 3,
    SYN_TRIES = 7,
    DATA_TRIES = 15,
    FIN_TRIES = 8,
};

static const sim_time rto_most = 60 * SIM_S;

/* --- what was sent ------------------------------------------------------------------------------
 */

static struct fast_sent *sent_at(const struct fast_stream *s, uint32_t i)
{
    return &s->sent[(s->sent_first + i) % s->sent_capacity];
}

/* Makes room for a segment at index `i`. */
static struct fast_sent *sent_insert(struct fast_stream *s, uint32_t i)
{
    if (s->sent_count == s->sent_capacity) {
        uint32_t capacity = s->sent_capacity != 0 ? s->sent_capacity * 2 : 4;
        struct fast_sent *grown = mem_calloc(capacity, sizeof(*grown));
        for (uint32_t k = 0; k < s->sent_count; k++) {
            grown[k] = *sent_at(s, k);
        }
        free(s->sent);
        s->sent = grown;
        s->sent_capacity = capacity;
        s->sent_first = 0;
    }
    s->sent_count++;
    for (uint32_t k = s->sent_count - 1; k > i; k--) {
        *sent_at(s, k) = *sent_at(s, k - 1);
    }
    *sent_at(s, i) = (struct fast_sent){0};
    return sent_at(s, i);
}

static void sent_remove(struct fast_stream *s, uint32_t i)
{
    if (i == 0) {
        s->sent_first = (s->sent_first + 1) % s->sent_capacity;
    } else {
        for (uint32_t k = i; k + 1 < s->sent_count; k++) {
            *sent_at(s, k) = *sent_at(s, k + 1);
        }
    }
    if (--s->sent_count == 0) {
        free(s->sent);
        s->sent = NULL;
        s->sent_capacity = s->sent_first = 0;
    }
}

/* Takes `len` octets of a segment out of the counts. */
static void uncount(struct fast_stream *s, const struct fast_sent *t, uint32_t len)
{
    s->sacked_bytes -= t->sacked ? len : 0;
    s->lost_bytes -= t->lost ? len : 0;
    s->again_bytes -= t->again ? len : 0;
}

static void mark_lost(struct fast_stream *s, struct fast_sent *t)
{
    if (!t->lost) {
        t->lost = true;
        s->lost_bytes += t->len;
    }
}

static uint32_t in_flight(const struct fast_stream *s)
{
    return s->snd_nxt - s->snd_una - s->sacked_bytes - s->lost_bytes + s->again_bytes;
}

/* --- sending ------------------------------------------------------------------------------------
 */

static void on_retransmit(void *arg);

void fast_start_retransmit(struct fast_stream *s)
{
    net_timer_cancel(fast_net(s), s->retransmit);
    s->retransmit =
        net_timer_set(fast_net(s), net_now(fast_net(s)) + s->rto + s->asked, on_retransmit, s);
}

static void stop_retransmit(struct fast_stream *s)
{
    net_timer_cancel(fast_net(s), s->retransmit);
    s->retransmit = 0;
}

static void transmit(struct fast_stream *s, const struct fast_sent *t)
{
    struct span bytes = buf_span(&s->tx);
    bytes.data += t->seq - s->snd_una;
    bytes.len = t->len;
    s->stats.segments_sent++;
    s->stats.bytes_sent += t->len;
    if (s->congestion == FAST_RECOVERY) {
        s->prr_out += t->len;
    }
    if (s->retransmit == 0) {
        fast_start_retransmit(s);
    }
    fast_send_segment(s, PACKET_ACK, t->seq, bytes);
}

static void send_new(struct fast_stream *s, uint32_t len)
{
    struct fast_sent *t = sent_insert(s, s->sent_count);
    *t = (struct fast_sent){.seq = s->snd_nxt, .len = len, .timed = true};
    s->snd_nxt += len;
    transmit(s, t);
}

/* Lets segment `i` end after `len` octets: takes from the next, or leaves the rest to a new one. */
static void reshape(struct fast_stream *s, uint32_t i, uint32_t len)
{
    struct fast_sent *t = sent_at(s, i);
    if (len < t->len) {
        struct fast_sent rest = *t;
        rest.seq += len;
        rest.len -= len;
        t->len = len;
        *sent_insert(s, i + 1) = rest;
    } else if (len > t->len) {
        struct fast_sent *next = sent_at(s, i + 1);
        uint32_t taken = len - t->len;
        if (next->again != t->again) { /* the merged one is counted when it is sent */
            struct fast_sent *sent = next->again ? next : t;
            s->again_bytes -= sent->len;
            sent->again = false;
        }
        t->len = len;
        next->seq += taken;
        next->len -= taken;
        if (next->len == 0) {
            sent_remove(s, i + 1);
        }
    }
}

/* Sends segment `i` again, with at most `most` octets. */
static void send_again(struct fast_stream *s, uint32_t i, uint32_t most)
{
    struct fast_sent *t = sent_at(s, i);
    uint32_t len = t->len;
    if (i + 1 < s->sent_count) {
        const struct fast_sent *next = sent_at(s, i + 1);
        len += !next->sacked && next->lost == t->lost ? next->len : 0;
    }
    reshape(s, i, len < most ? len : most);
    t = sent_at(s, i);
    if (!t->again) {
        t->again = true;
        s->again_bytes += t->len;
    }
    t->timed = false;
    s->stats.retransmissions++;
    transmit(s, t);
}

/* The first segment that is not sacked, and not sent again since it was lost; UINT32_MAX: none. */
static uint32_t next_lost(const struct fast_stream *s, bool lost)
{
    if (lost && s->lost_bytes == 0) {
        return UINT32_MAX;
    }
    for (uint32_t i = 0; i < s->sent_count; i++) {
        const struct fast_sent *t = sent_at(s, i);
        if (!t->again && !t->sacked && (t->lost || !lost)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static void send_fin(struct fast_stream *s)
{
    s->fin_sent = true;
    fast_send_control(s, PACKET_FIN | PACKET_ACK);
    fast_start_retransmit(s);
}

/* RFC 6675, NextSeg() and (C). False: nothing may go. */
static bool send_next(struct fast_stream *s)
{
    uint32_t window = s->cubic.cwnd < s->snd_window ? s->cubic.cwnd : s->snd_window;
    uint32_t flight = in_flight(s);
    uint32_t room = flight < window ? window - flight : 0;
    uint32_t end = s->snd_una + (uint32_t)buf_len(&s->tx);
    if (room == 0 || end == s->snd_una) {
        return false;
    }
    uint32_t again = next_lost(s, true);
    uint32_t sent = s->snd_nxt - s->snd_una;
    uint32_t most = s->mss;
    if (again == UINT32_MAX && end != s->snd_nxt) {
        if (sent > s->snd_window) {
            return false;
        }
        most = s->snd_window - sent < most ? s->snd_window - sent : most;
    } else if (again == UINT32_MAX && s->congestion == FAST_RECOVERY) {
        again = next_lost(s, false);
    }
    if (again == UINT32_MAX && end == s->snd_nxt) {
        return false;
    }
    uint32_t rest = end - (again != UINT32_MAX ? sent_at(s, again)->seq : s->snd_nxt);
    if ((room < s->mss && rest > room) || most == 0) {
        return false; /* no silly windows */
    }
    most = room < most ? room : most;
    if (again != UINT32_MAX) {
        send_again(s, again, most);
    } else {
        send_new(s, rest < most ? rest : most);
    }
    return true;
}

void fast_send_more(struct fast_stream *s)
{
    while (send_next(s)) {
    }
    if (buf_len(&s->tx) == 0 && s->closing && !s->fin_sent && s->state == FAST_OPEN) {
        send_fin(s);
    }
}

void fast_send_asked(struct fast_stream *s)
{
    s->asked = true;
    fast_send_more(s);
    s->asked = false;
}

/* --- the retransmission timer -------------------------------------------------------------------
 */

static void on_retransmit(void *arg)
{
    struct fast_stream *s = arg;
    s->retransmit = 0;
    uint32_t most = s->state != FAST_OPEN ? SYN_TRIES : s->sent_count > 0 ? DATA_TRIES : FIN_TRIES;
    if (++s->tries >= most) {
        fast_fail(s);
        return;
    }
    s->rto = s->rto * 2 < rto_most ? s->rto * 2 : rto_most;
    if (s->state == FAST_SYN_SENT || s->state == FAST_SYN_RECEIVED) {
        fast_send_control(s, s->state == FAST_SYN_SENT ? PACKET_SYN : PACKET_SYN | PACKET_ACK);
        fast_start_retransmit(s);
        return;
    }
    if (s->sent_count == 0) {
        send_fin(s);
        return;
    }
    s->duplicates = 0;
    s->lost_bytes = s->again_bytes = 0;
    for (uint32_t i = 0; i < s->sent_count; i++) {
        struct fast_sent *t = sent_at(s, i);
        t->again = t->timed = false;
        t->lost = !t->sacked;
        s->lost_bytes += t->lost ? t->len : 0;
    }
    s->recover = s->snd_nxt;
    s->recover_active = true;
    cubic_timeout(&s->cubic, s->snd_nxt, net_now(fast_net(s)));
    s->congestion = FAST_LOSS;
    fast_send_more(s);
}

sim_time fast_timeout(const struct fast_stream *s)
{
    sim_time spread = 4 * s->rttvar > SIM_MS ? 4 * s->rttvar : SIM_MS;
    sim_time rtt = s->srtt != 0 ? s->srtt : SIM_S; /* the first guess */
    return rtt + spread > FAST_RTO_LEAST ? rtt + spread : FAST_RTO_LEAST;
}

void fast_measure(struct fast_stream *s, uint32_t echo)
{
    sim_time rtt = (sim_time)(fast_timestamp(fast_net(s)) - echo) * SIM_MS;
    rtt = rtt > 0 ? rtt : SIM_US;
    if (s->srtt == 0) {
        s->srtt = rtt;
        s->rttvar = rtt / 2;
    } else {
        sim_time error = rtt > s->srtt ? rtt - s->srtt : s->srtt - rtt;
        s->rttvar += (error - s->rttvar) / 4;
        s->srtt += (rtt - s->srtt) / 8;
    }
    s->rto = fast_timeout(s);
}

/* --- acknowledgements ---------------------------------------------------------------------------
 */

/* Notes what SACK blocks say (RFC 2018); returns how many octets are new in them. */
static uint32_t note_sacks(struct fast_stream *s, struct span blocks)
{
    uint32_t from;
    uint32_t to;
    uint32_t fresh = 0;
    while (span_take_u32(&blocks, &from) && span_take_u32(&blocks, &to)) {
        for (uint32_t i = 0; i < s->sent_count; i++) {
            struct fast_sent *t = sent_at(s, i);
            if (t->sacked || fast_before(t->seq, from) || fast_before(to, t->seq + t->len)) {
                continue;
            }
            s->lost_bytes -= t->lost ? t->len : 0;
            t->lost = false;
            t->sacked = true;
            s->sacked_bytes += t->len;
            fresh += t->len;
            if (!fast_before(t->seq, s->highest_sacked)) {
                s->highest_sacked = t->seq;
            }
        }
    }
    return fresh;
}

/* Segments with three sacked ones above them are lost. */
static void find_lost(struct fast_stream *s)
{
    uint32_t sacked = 0;
    for (uint32_t i = s->sent_count; i-- > 0;) {
        struct fast_sent *t = sent_at(s, i);
        sacked += t->sacked;
        if (sacked >= DUPLICATES && !t->sacked) {
            mark_lost(s, t);
        }
    }
}

/* Whether a segment that ends at `end` was sent again and is still missing. */
static bool awaited_again(const struct fast_stream *s, uint32_t end)
{
    for (uint32_t i = 0; s->again_bytes > 0 && i < s->sent_count; i++) {
        const struct fast_sent *t = sent_at(s, i);
        if (t->seq + t->len == end && !t->sacked && t->again) {
            return true;
        }
    }
    return false;
}

/* Returns how many octets had not been sacked before. */
static uint32_t discard(struct fast_stream *s, uint32_t ack)
{
    uint32_t fresh = 0;
    while (s->sent_count > 0) {
        struct fast_sent *t = sent_at(s, 0);
        bool whole = !fast_before(ack, t->seq + t->len);
        uint32_t len = whole ? t->len : fast_before(t->seq, ack) ? ack - t->seq : 0;
        uncount(s, t, len);
        if (!whole) {
            t->seq += len;
            t->len -= len;
            break;
        }
        fresh += t->sacked ? 0 : len;
        sent_remove(s, 0);
    }
    buf_consume(&s->tx, ack - s->snd_una);
    if (buf_len(&s->tx) == 0) {
        buf_fini(&s->tx);
    }
    s->snd_una = ack;
    if (!fast_before(ack, s->highest_sacked)) {
        s->highest_sacked = ack;
    }
    return fresh;
}

static void sample(struct fast_stream *s)
{
    cubic_sample(&s->cubic, s->srtt != 0 ? s->srtt : SIM_S, net_now(fast_net(s)));
}

static void grow(struct fast_stream *s, uint32_t segments)
{
    cubic_grow(&s->cubic, segments, s->snd_una, s->snd_nxt, net_now(fast_net(s)));
}

/* RFC 6937, with the slow start reduction bound where a repair made progress. */
static void reduce_rate(struct fast_stream *s, uint32_t delivered)
{
    uint32_t flight = in_flight(s);
    uint32_t ssthresh = s->cubic.ssthresh;
    int64_t count;
    s->prr_delivered += delivered;
    if (flight > ssthresh) {
        count = (int64_t)ceil((double)s->prr_delivered * ssthresh / s->prr_flight) - s->prr_out;
    } else {
        int64_t behind = (int64_t)s->prr_delivered - s->prr_out;
        int64_t limit = delivered;
        if (s->prr_progress) {
            limit = (behind < 0 || behind > delivered ? behind : delivered) + s->mss;
        }
        int64_t missing = (int64_t)ssthresh - flight;
        count = limit < missing ? limit : missing;
    }
    int64_t least = s->prr_out > 0 ? 0 : s->mss;
    s->cubic.cwnd = flight + (uint32_t)(count > least ? count : least);
}

/* Whatever the windows say: the first lost segment, else new octets, else the first segment once
 * more. */
static void repair_first(struct fast_stream *s)
{
    uint32_t i = next_lost(s, true);
    uint32_t sent = s->snd_nxt - s->snd_una;
    uint32_t rest = (uint32_t)buf_len(&s->tx) - sent;
    if (i == UINT32_MAX && rest > 0 && sent < s->snd_window) {
        uint32_t room = s->snd_window - sent;
        uint32_t most = room < s->mss ? room : s->mss;
        send_new(s, rest < most ? rest : most);
    } else {
        send_again(s, i != UINT32_MAX ? i : 0, s->mss);
    }
}

static void enter_recovery(struct fast_stream *s, uint32_t delivered)
{
    mark_lost(s, sent_at(s, 0));
    s->recover = s->snd_nxt;
    s->recover_active = true;
    s->first_partial = true;
    s->congestion = FAST_RECOVERY;
    cubic_reduce(&s->cubic);
    s->prr_out = s->prr_delivered = 0;
    s->prr_flight = s->snd_nxt - s->snd_una;
    reduce_rate(s, delivered);
    repair_first(s);
}

/* RFC 6675, IsLost() of the segment after the first. */
static bool next_is_lost(const struct fast_stream *s)
{
    uint32_t seq = s->snd_una + s->mss;
    if (!fast_before(seq, s->highest_sacked)) {
        return false;
    }
    for (uint32_t i = 0; i < s->sent_count; i++) {
        const struct fast_sent *t = sent_at(s, i);
        if (!fast_before(t->seq, seq) && (t->lost || t->sacked)) {
            return t->lost;
        }
    }
    return false;
}

static void on_duplicate(struct fast_stream *s, uint32_t delivered)
{
    if (s->congestion == FAST_LOSS) {
        return;
    }
    if (s->congestion == FAST_RECOVERY) {
        reduce_rate(s, delivered);
        return;
    }
    s->duplicates++;
    s->congestion = FAST_DISORDER;
    bool may = !s->recover_active || !fast_before(s->snd_una, s->recover);
    if ((s->duplicates == DUPLICATES && may) || next_is_lost(s)) {
        enter_recovery(s, delivered);
    }
}

/* Something new is acknowledged: the timer begins anew. */
static void progress(struct fast_stream *s, bool restart)
{
    s->tries = 0;
    if (restart) {
        s->rto = fast_timeout(s);
        fast_start_retransmit(s);
    }
    fast_tell_writable(s);
    if (buf_len(&s->tx) == 0 && (!s->fin_sent || s->fin_acked)) {
        stop_retransmit(s);
    }
}

/* In recovery, short of its end. */
static void on_partial(struct fast_stream *s, uint32_t segments, uint32_t delivered)
{
    if (segments >= 1) {
        reduce_rate(s, delivered);
    }
    if (s->sent_count > 0 && !awaited_again(s, s->snd_una + s->mss)) {
        repair_first(s);
    }
    sample(s);
    progress(s, s->first_partial);
    s->first_partial = false;
}

/* `from`: what was acknowledged before. */
static void on_progress(struct fast_stream *s, uint32_t from, bool duplicate, uint32_t delivered)
{
    uint32_t acked = s->snd_una - from;
    uint32_t segments = acked / s->mss;
    s->acked_rest += acked % s->mss;
    if (s->acked_rest >= s->mss) {
        segments++;
        s->acked_rest -= s->mss;
    }
    if (!duplicate) {
        s->duplicates = 0;
    }
    bool short_of = fast_before(s->snd_una, s->recover);
    if (short_of && s->congestion == FAST_RECOVERY) {
        on_partial(s, segments, delivered);
        return;
    }
    if (short_of && s->congestion == FAST_LOSS) {
        sample(s);
        grow(s, segments);
        progress(s, true);
        return;
    }
    if (s->congestion == FAST_DISORDER && !duplicate) {
        s->congestion = FAST_CALM;
    } else if (s->congestion == FAST_RECOVERY) {
        segments = acked / s->mss;
        s->duplicates = 0;
        s->congestion = FAST_CALM;
        s->cubic.cwnd = s->cubic.ssthresh;
    } else if (s->congestion == FAST_LOSS) {
        segments = (s->snd_una - s->recover) / s->mss;
        s->congestion = FAST_CALM;
    }
    sample(s);
    s->recover_active = s->recover_active && short_of;
    if (s->congestion == FAST_CALM) {
        grow(s, segments);
        progress(s, true);
    }
}

static void fin_acknowledged(struct fast_stream *s)
{
    s->fin_acked = true;
    s->tries = 0;
    stop_retransmit(s);
}

void fast_on_ack(struct fast_stream *s, const struct packet_view *v, const uint32_t *echo,
                 struct span sacks)
{
    uint32_t ack = v->ack;
    uint32_t from = s->snd_una;
    uint32_t highest = s->snd_nxt + s->fin_sent;
    if (fast_before(highest, ack) || fast_before(ack, from)) {
        return;
    }
    if (s->fin_sent && ack == highest) {
        if (!s->fin_acked) {
            fin_acknowledged(s);
        }
        ack = s->snd_nxt;
    }
    if (s->sent_count > 0 && echo != NULL) {
        const struct fast_sent *first = sent_at(s, 0);
        if (first->timed && !fast_before(ack, first->seq + first->len)) {
            fast_measure(s, *echo);
        }
    }
    uint32_t sacked = s->sent_count > 0 ? note_sacks(s, sacks) : 0;
    if (sacked > 0) {
        find_lost(s);
    }
    s->prr_progress = false;
    if (s->congestion == FAST_RECOVERY && ack != from && fast_before(ack, s->recover)) {
        for (uint32_t i = 0; i < (ack - from) / s->mss; i++) {
            s->prr_progress = s->prr_progress || awaited_again(s, ack - i * s->mss);
        }
    }
    uint32_t delivered = sacked + (ack != from ? discard(s, ack) : 0);
    if (sacked > 0 && s->sent_count > 0) {
        on_duplicate(s, delivered);
    }
    if (ack != from) {
        on_progress(s, from, sacked > 0, delivered);
    } else if (s->sent_count > 0) {
        sample(s);
    }
    fast_send_more(s);
}
