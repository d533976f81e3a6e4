/* Fidelity "fast": TCP (RFC 9293) and UDP of our own, above net_ip.h. Private to sim/net. */
#ifndef SIM_NET_NET_FAST_H
#define SIM_NET_NET_FAST_H

#include "sim/net/net_ip.h"

int fast_connect(struct ip *ip, net_node node, net_node peer, uint16_t port,
                 const struct net_stream_ops *ops, void *arg, struct net_stream **ret);
int fast_datagram_send(struct ip *ip, net_node node, net_node peer, uint16_t port,
                       struct span payload, uint64_t tag);
/* A packet of TCP or UDP for `node`; its headers are sound. */
void fast_receive(struct ip_node *node, struct span packet, const struct packet_view *view);
void fast_streams_free(struct ip *ip);

#endif
