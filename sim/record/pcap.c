#include "sim/record/pcap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The classic format with nanosecond time stamps,
 * https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap */
#define MAGIC_NANOSECONDS UINT32_C(0xa1b23c4d)
enum { LINKTYPE_RAW = 101, SNAPLEN = 65535 };

struct pcap {
    FILE *file;
    bool failed;
};

static void put(struct pcap *p, const void *data, size_t len)
{
    if (fwrite(data, 1, len, p->file) != len) {
        p->failed = true;
    }
}

char *pcap_file_name(const char *name)
{
    char *file = mem_printf("%s.pcap", name);
    for (char *c = file; *c != '\0'; c++) {
        *c = *c == '/' ? '_' : *c;
    }
    return file;
}

int pcap_create(const char *dir, const char *name, struct pcap **ret)
{
    char *name_of_file = pcap_file_name(name);
    char *path = mem_printf("%s/%s", dir, name_of_file);
    FILE *file = fopen(path, "we");
    free(path);
    free(name_of_file);
    if (file == NULL) {
        return -SIM_EIO;
    }
    struct pcap *p = mem_alloc(sizeof(*p));
    p->file = file;
    struct buf header = {0};
    buf_append_u32(&header, MAGIC_NANOSECONDS);
    buf_append_u16(&header, 2);
    buf_append_u16(&header, 4);
    buf_append_u32(&header, 0);
    buf_append_u32(&header, 0);
    buf_append_u32(&header, SNAPLEN);
    buf_append_u32(&header, LINKTYPE_RAW);
    put(p, buf_span(&header).data, buf_len(&header));
    buf_fini(&header);
    *ret = p;
    return 0;
}

void pcap_write(struct pcap *p, sim_time at, struct span packet)
{
    struct buf header = {0};
    buf_append_u32(&header, (uint32_t)(SIM_EPOCH_UNIX_S + at / SIM_S));
    buf_append_u32(&header, (uint32_t)(at % SIM_S));
    buf_append_u32(&header, (uint32_t)packet.len);
    buf_append_u32(&header, (uint32_t)packet.len);
    put(p, buf_span(&header).data, buf_len(&header));
    put(p, packet.data, packet.len);
    buf_fini(&header);
}

int pcap_close(struct pcap *p)
{
    bool failed = fclose(p->file) != 0 || p->failed;
    free(p);
    return failed ? -SIM_EIO : 0;
}
