#include "sim/world/tables.h"

static const struct record_column capture_columns[] = {
    {"link_id", RECORD_INTEGER, false, "", "Link", "link(link_id)"},
    {"file", RECORD_TEXT, false, "", "Its name, in the directory that --pcap gave", NULL},
    {"packets", RECORD_INTEGER, false, "packets", "How many it holds", NULL},
};

const struct record_table table_capture = {
    .name = "capture",
    .doc = "One capture that was written; outside the fingerprint",
    .columns = capture_columns,
    .column_count = SIM_ARRAY_LEN(capture_columns),
    .keyed = true,
    .indexes = NULL,
    .outside_fingerprint = true,
};

static const struct record_column message_frame_columns[] = {
    {"message_id", RECORD_INTEGER, false, "", "Message", NULL},
    {"hop", RECORD_INTEGER, false, "", "Hop of that message", NULL},
    {"link_id", RECORD_INTEGER, false, "", "First link of the hop, whose capture it is",
     "link(link_id)"},
    {"first_frame", RECORD_INTEGER, false, "",
     "Number in the capture of the first packet with octets of it (or of its record)", NULL},
    {"last_frame", RECORD_INTEGER, false, "", "Of the last; of a datagram the same", NULL},
};

const struct record_table table_message_frame = {
    .name = "message_frame",
    .doc = "Where in a capture a message is; only where one was written; outside the fingerprint",
    .columns = message_frame_columns,
    .column_count = SIM_ARRAY_LEN(message_frame_columns),
    .keyed = false,
    .indexes = "message_id",
    .outside_fingerprint = true,
};
