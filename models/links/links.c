#include "models/links/links.h"

/* Delay and rate: cpns-model.md section 7, effective values, so that contention and MAC-level
 * acknowledgements are in them. Jitter and queue lengths are ours throughout. None loses frames by
 * default: loss is a scenario's statement. Ranges hold where both ends have a position. Lee et al.
 * 2007: J.-S. Lee, Y.-W. Su, C.-C. Shen, "A Comparative Study of Wireless Protocols: Bluetooth,
 * UWB, ZigBee, and Wi-Fi", IECON 2007. Energy of an octet: what a chipset draws while it sends or
 * receives, by its rate, or the slope of a measured model; wired links and what a radio draws while
 * it waits cost nothing here (the device's idle drain has it). Huang et al. 2012: J. Huang and
 * others, "A Close Examination of Performance and Power Characteristics of 4G LTE Networks",
 * MobiSys 2012, power model of data transfer. */
const struct scenario_link link_technologies[] = {
    {.name = "fibre",
     .technology = "fibre",
     .source = "delay and rate: cpns-model.md section 7 [ours]; 38 octets a frame: IEEE 802.3 "
               "preamble, header, FCS and inter-packet gap; jitter and queue [ours]",
     .delay = 5 * SIM_MS,
     .jitter = 100 * SIM_US,
     .rate_bps = 500000000,
     .mtu_bytes = 1500,
     .overhead_bytes = 38,
     .queue_packets = 1000},
    {.name = "ethernet",
     .technology = "ethernet",
     .source = "1 Gb/s, MTU 1500 and 38 octets a frame: IEEE 802.3; delay, jitter and queue [ours]",
     .delay = 100 * SIM_US,
     .jitter = 5 * SIM_US,
     .rate_bps = 1000000000,
     .mtu_bytes = 1500,
     .overhead_bytes = 38,
     .queue_packets = 1000,
     .full = FULL_CSMA},
    {.name = "wlan",
     .technology = "wlan",
     .source = "delay and rate: cpns-model.md section 7 [ours]; 54 octets a frame: IEEE 802.11 QoS "
               "data header 26, CCMP 16, LLC/SNAP 8, FCS 4; one medium for both directions; jitter "
               "and queue [ours]; range: nominal, Lee et al. 2007, table I; "
               "energy: 283.17 and 137.01 mW for each Mb/s up and down, Huang et al. 2012",
     .delay = 3 * SIM_MS,
     .jitter = 1 * SIM_MS,
     .rate_bps = 30000000,
     .mtu_bytes = 1500,
     .overhead_bytes = 54,
     .queue_packets = 256,
     .sent_pj = 2265360,
     .received_pj = 1096080,
     .shared_medium = true,
     .range_m = 100,
     .full = FULL_WIFI},
    {.name = "bluetooth",
     .technology = "bluetooth",
     .source =
         "delay and rate: cpns-model.md section 7 [ours]; frames of 339 octets (DH5) with 20 "
         "of access code, headers and CRC, both directions in turn: Bluetooth Core, Baseband; "
         "MTU 1500: BNEP carries Ethernet payloads; jitter and queue [ours]; range: class 2, "
         "nominal, Lee et al. 2007, table I; "
         "energy: 57 and 47 mA at 1.8 V, 0.72 Mb/s (BlueCore2), Lee et al. 2007, table II",
     .delay = 20 * SIM_MS,
     .jitter = 5 * SIM_MS,
     .rate_bps = 1000000,
     .mtu_bytes = 1500,
     .frame_bytes = 339,
     .overhead_bytes = 20,
     .queue_packets = 64,
     .sent_pj = 1140000,
     .received_pj = 940000,
     .shared_medium = true,
     .range_m = 10},
    {.name = "ble",
     .technology = "ble",
     .source =
         "delay and rate: cpns-model.md section 7 [ours]; MTU 1280: RFC 7668; frames of 251 "
         "octets (data length extension) with 14 of preamble, access address, header, MIC and "
         "CRC, both directions in turn: Bluetooth Core 4.2, Link Layer; header compression is "
         "not modelled; jitter and queue [ours]; range: [ours], a 0 dBm radio with a body near; "
         "energy: nRF52832, 5.3 and 5.4 mA at 3 V and 0 dBm (product specification), at 1 Mb/s",
     .delay = 30 * SIM_MS,
     .jitter = 8 * SIM_MS,
     .rate_bps = 200000,
     .mtu_bytes = 1280,
     .frame_bytes = 251,
     .overhead_bytes = 14,
     .queue_packets = 32,
     .sent_pj = 127200,
     .received_pj = 129600,
     .shared_medium = true,
     .range_m = 30},
    {.name = "zigbee",
     .technology = "zigbee",
     .source = "delay and rate: cpns-model.md section 7 [ours]; MTU 1280 and 81 octets that IEEE "
               "802.15.4 leaves of 127 with addresses and AES-CCM-128, 5 of them the fragment "
               "header: RFC 4944; overhead: the other 51 and 6 of synchronisation and PHY header; "
               "header compression is not modelled; jitter and queue [ours]; range: [ours], "
               "indoors, within the 10 to 100 m of Lee et al. 2007, table I; "
               "energy: 24.7 and 27 mA at 3 V, 250 kb/s (CC2430), Lee et al. 2007, table II",
     .delay = 20 * SIM_MS,
     .jitter = 5 * SIM_MS,
     .rate_bps = 100000,
     .mtu_bytes = 1280,
     .frame_bytes = 76,
     .overhead_bytes = 57,
     .queue_packets = 32,
     .sent_pj = 2371200,
     .received_pj = 2592000,
     .shared_medium = true,
     .range_m = 30,
     .full = FULL_LR_WPAN},
    {.name = "3g",
     .technology = "3g",
     .source = "delay and rate: cpns-model.md section 7 [ours]; MTU 1358: 3GPP TS 23.060 annex C; "
               "overhead, jitter and queue [ours]; "
               "energy: 868.98 and 122.12 mW for each Mb/s up and down, Huang et al. 2012",
     .delay = 80 * SIM_MS,
     .jitter = 15 * SIM_MS,
     .rate_bps = 2000000,
     .mtu_bytes = 1358,
     .overhead_bytes = 8,
     .queue_packets = 256,
     .sent_pj = 6951840,
     .received_pj = 976960},
    {.name = "lte",
     .technology = "lte",
     .source =
         "delay and rate: cpns-model.md section 7 [ours]; MTU 1358: 3GPP TS 23.060 annex C; 7 "
         "octets a packet: headers of PDCP 2, RLC 2, MAC 3 (3GPP TS 36.323, 36.322, 36.321); "
         "jitter and queue [ours]; "
         "energy: 438.39 and 51.97 mW for each Mb/s up and down, Huang et al. 2012",
     .delay = 30 * SIM_MS,
     .jitter = 5 * SIM_MS,
     .rate_bps = 20000000,
     .mtu_bytes = 1358,
     .overhead_bytes = 7,
     .queue_packets = 256,
     .sent_pj = 3507120,
     .received_pj = 415760},
};

const size_t link_technology_count = SIM_ARRAY_LEN(link_technologies);
