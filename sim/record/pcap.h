/* Captures: one pcap file a link, raw IPv4 packets (LINKTYPE_RAW, 101) with nanosecond time stamps
 * of virtual time counted from SIM_EPOCH_UNIX_S, and one key log (NSS SSLKEYLOGFILE format) a run.
 */
#ifndef SIM_RECORD_PCAP_H
#define SIM_RECORD_PCAP_H

#include "sim/core/base.h"
#include "sim/core/buf.h"

struct pcap;

/* Creates or replaces DIR/NAME.pcap; '/' in `name` becomes '_'. -SIM_EIO: errno tells. */
int pcap_create(const char *dir, const char *name, struct pcap **ret);
/* NAME.pcap as pcap_create() calls it; the caller frees it. */
char *pcap_file_name(const char *name);
/* The first failed write sticks and is told by pcap_close(). */
void pcap_write(struct pcap *p, sim_time at, struct span packet);
int pcap_close(struct pcap *p);

#endif
