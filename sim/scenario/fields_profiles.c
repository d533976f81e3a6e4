/* Devices and links. */
#include "sim/scenario/fields_table.h"

const char *const words_encoding[] = {"xml", "cbor", NULL};
const char *const words_media[] = {"text", "audio", "video", NULL};
const char *const words_loss[] = {"none", "random", "gilbert-elliott", NULL};
static const char *const words_medium[] = {"duplex", "shared", NULL};

static const struct field energy_fields[] = {
    {"capacity", FIELD_ENERGY, AT(raw_device, capacity), .required = true, .min = 1, .max = 1e12,
     .doc = "What the full battery holds; `battery` says how much of it is there at the start."},
    {"idle", FIELD_POWER, AT(raw_device, idle), .max = 1e9,
     .doc = "Drain at all times; the CPU's figure without it."},
    {"active", FIELD_POWER, AT(raw_device, active), .max = 1e9,
     .doc = "What a core takes besides while it works on a session; the CPU's figure without it."},
    {"low", FIELD_RATIO, AT(raw_device, low), .fallback = "20 %", .max = 1,
     .doc = "At this charge the server is told; and again at each half of it."},
};
static const struct section section_energy = {
    .name = "energy",
    .title = "energy",
    FIELDS(energy_fields),
    .doc = "The battery. Octets sent and received cost what the link's technology says. A device "
           "whose battery is empty answers nothing more."};

static const struct field device_fields[] = {
    {"extends", FIELD_REF, AT(raw_device, extends), .names = "device",
     .doc = "Device whose keys hold where this one does not say otherwise."},
    {"cpu", FIELD_REF, AT(raw_device, cpu), .required = true, .names = "cpu",
     .doc = "CPU profile: what cryptography costs in virtual time."},
    {"battery", FIELD_RATIO, AT(raw_device, battery), .fallback = "100 %", .max = 1,
     .doc = "Charge at the start."},
    {"policy", FIELD_REF, AT(raw_device, policy), .names = "policy",
     .doc = "Policy towards the peer instead of the hop's."},
    {"encoding", FIELD_WORD, AT(raw_device, encoding), .words = words_encoding,
     .doc = "Encoding of the messages it sends, where the node does not say; xml without it."},
    {"media", FIELD_WORD, AT(raw_device, media), .fallback = "text", .words = words_media,
     .doc = "The richest content that it can show: a capability, by which a zone service tailors "
            "its information."},
    {"energy", FIELD_MAP, AT(raw_device, energy), .section = &section_energy,
     .doc = "The battery and what drains it; without it the charge stays what it is."},
};
const struct section section_device = {
    .name = "devices",
    .title = "device",
    FIELDS(device_fields),
    .bytes = sizeof(struct raw_device),
    .inherits = true,
    .doc = "Named device profiles, with single inheritance.",
    .example = "devices:\n"
               "  wearable: {cpu: cortex-m4-64mhz, battery: 30 %, encoding: cbor, energy: "
               "{capacity: 4 kJ}}\n"
               "  phone: {extends: wearable, cpu: cortex-a76, battery: 80 %}\n"};

static const struct field delay_fields[] = {
    {"mean", FIELD_TIME, AT(raw_link, mean), .required = true, .max = 3600e9,
     .doc = "Mean one-way delay."},
    {"jitter", FIELD_TIME, AT(raw_link, jitter), .fallback = "0 ms", .max = 3600e9,
     .doc = "Standard deviation of the delay."},
};
static const struct section section_delay = {.name = "delay",
                                             .title = "delay",
                                             FIELDS(delay_fields),
                                             .shorthand = "mean",
                                             .doc = "One-way delay: a time, or mean and jitter."};

static const struct field loss_fields[] = {
    {"model", FIELD_WORD, AT(raw_link, model), .required = true, .words = words_loss,
     .doc = "Loss model: each packet by itself (random), or in bursts (gilbert-elliott)."},
    {"rate", FIELD_RATIO, AT(raw_link, loss_rate), .max = 1,
     .doc = "random: probability that a packet is lost."},
    {"enter", FIELD_RATIO, AT(raw_link, enter), .max = 1,
     .doc = "gilbert-elliott: probability per frame of going from good to bad."},
    {"leave", FIELD_RATIO, AT(raw_link, leave), .max = 1,
     .doc = "gilbert-elliott: probability per frame of going from bad to good."},
    {"rate_good", FIELD_RATIO, AT(raw_link, rate_good), .max = 1,
     .doc = "gilbert-elliott: loss in the good state; 0 % without it."},
    {"rate_bad", FIELD_RATIO, AT(raw_link, rate_bad), .max = 1,
     .doc = "gilbert-elliott: loss in the bad state; 100 % without it."},
};
static const struct section section_loss = {
    .name = "loss",
    .title = "loss",
    FIELDS(loss_fields),
    .doc = "Loss of packets. A file that gives `loss` replaces the technology's as a whole."};

static const struct field link_fields[] = {
    {"extends", FIELD_REF, AT(raw_link, extends), .names = "link",
     .doc = "Link whose keys hold where this one does not say otherwise."},
    {"technology", FIELD_REF, AT(raw_link, technology), .required = true, .names = "technology",
     .doc = "Link technology: gives every key that is not written here."},
    {"delay", FIELD_MAP, AT(raw_link, delay), .section = &section_delay, .doc = "One-way delay."},
    {"rate", FIELD_RATE, AT(raw_link, rate), .min = 1, .max = 1e12,
     .doc = "Data rate, in each direction unless the medium is shared."},
    {"mtu", FIELD_SIZE, AT(raw_link, mtu), .min = 68, .max = 65535, .doc = "Largest IP packet."},
    {"queue", FIELD_INTEGER, AT(raw_link, queue), .min = 1, .max = 1e6,
     .doc = "Packets that wait at each end before others are dropped."},
    {"frame", FIELD_SIZE, AT(raw_link, frame), .max = 65535,
     .doc = "Payload of a link-layer frame, into which packets are cut; 0 B: one frame a packet."},
    {"overhead", FIELD_SIZE, AT(raw_link, overhead), .max = 65535,
     .doc = "Octets that the link layer adds to a frame."},
    {"medium", FIELD_WORD, AT(raw_link, medium), .words = words_medium,
     .doc = "Whether the two directions have a channel each or share one."},
    {"loss", FIELD_MAP, AT(raw_link, loss), .section = &section_loss, .doc = "Loss of packets."},
    {"fidelity", FIELD_WORD, AT(raw_link, fidelity), .words = words_fidelity,
     .doc = "How closely hops over this link are simulated; without it as the scenario says. "
            "Under full the device decides rate, delay, jitter, loss, frame, overhead and medium "
            "(ethernet heeds rate and delay)."},
    {"range", FIELD_LENGTH, AT(raw_link, range), .min = 1e-3, .max = 1e8,
     .doc = "Distance up to which it reaches, where both ends have a position; any distance "
            "without it."},
    {"trace", FIELD_TEXT, AT(raw_link, trace), .names = "file",
     .doc = "CSV file of delay, rate and loss over time, relative to this file; what a trace is, "
            "stands in the README beside this page."},
    {"trace_period", FIELD_TIME, AT(raw_link, trace_period), .min = 1, .max = 50 * YEAR_NS,
     .doc = "The trace begins again after this time; without it its last row holds to the end."},
};
const struct section section_link = {
    .name = "links",
    .title = "link",
    FIELDS(link_fields),
    .bytes = sizeof(struct raw_link),
    .inherits = true,
    .doc = "Named link profiles. The name of a technology may be used as a link as it is, without "
           "an entry here.",
    .example =
        "links:\n"
        "  ward-ble: {technology: ble, delay: {mean: 12 ms, jitter: 4 ms}, rate: 700 kbit/s,\n"
        "             mtu: 251 B, loss: {model: gilbert-elliott, enter: 2 %, leave: 30 %}}\n"
        "  lte: {technology: lte, delay: 30 ms, rate: 20 Mbit/s, loss: {model: random, rate: "
        "0.5 %}}\n"};
