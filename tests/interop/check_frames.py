"""tshark says whether frames are where the database has them: check_frames.py DB PCAPDIR.

Every message with a row in message_frame comes to its end in the last frame that the row names, with as many octets
as the message has, and no message is in a frame that no row names. Records of attacked messages are those that tshark
cannot open with the keys, in the frames that v_probe names. Prints how many of each were compared."""
import collections
import os
import sqlite3
import subprocess
import sys

STREAM_PORT, DATAGRAM_PORT = 7275, 7276


def read(capture, keys, *fields):
    """Rows of fields, a packet each."""
    command = ["tshark", "-n", "-r", capture, "-o", "tls.keylog_file:" + keys, "-o", "tcp.reassemble_out_of_order:TRUE",
               "-d", f"tcp.port=={STREAM_PORT},tls", "-d", f"udp.port=={STREAM_PORT},data", "-d", f"tls.port=={STREAM_PORT},data",
               "-d", f"udp.port=={DATAGRAM_PORT},dtls", "-d", f"dtls.port=={DATAGRAM_PORT},data",
               "-T", "fields", "-E", "separator=|", "-E", "aggregator=,", "-E", "occurrence=a"]
    for field in fields:
        command += ["-e", field]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                         env={**os.environ, "HOME": "/nonexistent"}).stdout
    return [line.split("|") for line in out.splitlines()]


def messages_of(data, over_datagrams):
    """Lengths of the messages that come to their end in these octets, one item a record or datagram."""
    for item in filter(None, data.split(",")):
        octets = bytes.fromhex(item)
        if over_datagrams:  # a whole message, or the last piece of one (sim/secure/dtls_pieces.h)
            assert octets[0] == 0, "messages in pieces are not for this test"
            octets = octets[1:]
        while octets:
            length = int.from_bytes(octets[:4], "big")
            assert len(octets) >= 5 + length
            if length > 0:
                yield length
            octets = octets[5 + length:]


def main():
    db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
    directory = sys.argv[2]
    compared = attacks = 0
    for link, file in db.execute("SELECT link_id, file FROM capture ORDER BY link_id").fetchall():
        stored = collections.defaultdict(list)
        for frame, size in db.execute("SELECT f.last_frame, h.plain_bytes FROM message_frame f JOIN message_hop h"
                                      " USING (message_id, hop) WHERE f.link_id = ?", (link,)):
            stored[frame].append(size)
        attacked = {f for f, in db.execute("SELECT DISTINCT frame FROM v_probe WHERE capture = ? AND kind = 'tamper'"
                                           " AND frame IS NOT NULL", (file,))}
        rows = read(os.path.join(directory, file), os.path.join(directory, "keys.log"), "frame.number", "data.data",
                    "tls.record.content_type", "tls.record.opaque_type", "dtls.record.content_type", "dtls.record.epoch")
        for number, data, types, opaque, datagram_types, epochs in rows:
            frame = int(number)
            sealed = "23" in opaque.split(",") + types.split(",") + datagram_types.split(",")
            if sealed and not data and frame in attacked:
                attacks += 1
                continue
            # only TLS 1.3 seals alerts and handshakes as application data
            assert not sealed or data or opaque, f"{file}: tshark cannot open frame {frame}, which nobody attacked"
            assert frame not in attacked, f"{file}: frame {frame} was attacked, and tshark reads {data[:40]}"
            seen = sorted(messages_of(data, bool(datagram_types)))
            assert seen == sorted(stored.get(frame, [])), f"{file}, frame {frame}: {seen}, on record {stored.get(frame)}"
            compared += len(seen)
    print(compared, attacks)


main()
