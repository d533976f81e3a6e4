/* ns-3's TCP and UDP over net_ip.c, under ns-3's simulator (agenda.c holds its events).
 *
 * A node is an ns3::Node with TcpL4Protocol and (when it first needs one) UdpL4Protocol; there are
 * no ARP, ICMP, routing tables or queue discs. The IP layer is the class StarIp: it hands transport
 * packets to net_ip.c as octets, and net_ip.c hands those that arrive back through ns3_deliver().
 * ns-3's own checksums are off: net_ip.c makes and verifies them. */
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include <ns3/constant-position-mobility-model.h>
#include <ns3/csma-channel.h>
#include <ns3/csma-helper.h>
#include <ns3/data-rate.h>
#include <ns3/inet-socket-address.h>
#include <ns3/ipv4-end-point.h>
#include <ns3/ipv4-interface.h>
#include <ns3/ipv4-l3-protocol.h>
#include <ns3/ipv4-route.h>
#include <ns3/ipv4-routing-protocol.h>
#include <ns3/lr-wpan-mac.h>
#include <ns3/lr-wpan-net-device.h>
#include <ns3/node.h>
#include <ns3/object-factory.h>
#include <ns3/output-stream-wrapper.h>
#include <ns3/packet.h>
#include <ns3/rng-seed-manager.h>
#include <ns3/rtt-estimator.h>
#include <ns3/simulator-impl.h>
#include <ns3/simulator.h>
#include <ns3/single-model-spectrum-channel.h>
#include <ns3/sixlowpan-helper.h>
#include <ns3/sixlowpan-net-device.h>
#include <ns3/ssid.h>
#include <ns3/sta-wifi-mac.h>
#include <ns3/string.h>
#include <ns3/tag.h>
#include <ns3/tcp-cubic.h>
#include <ns3/tcp-l4-protocol.h>
#include <ns3/tcp-prr-recovery.h>
#include <ns3/tcp-rx-buffer.h>
#include <ns3/tcp-socket-base.h>
#include <ns3/tcp-tx-buffer.h>
#include <ns3/udp-l4-protocol.h>
#include <ns3/uinteger.h>
#include <ns3/wifi-helper.h>
#include <ns3/wifi-net-device.h>
#include <ns3/yans-wifi-channel.h>
#include <ns3/yans-wifi-helper.h>

extern "C" { /* for the headers of sim/core, which C alone includes otherwise */
#include "sim/net/agenda.h"
#include "sim/net/net_ip.h"
}

using ns3::Address;
using ns3::EventId;
using ns3::InetSocketAddress;
using ns3::Ipv4Address;
using ns3::Ptr;
using ns3::SequenceNumber32;
using ns3::Simulator;
using ns3::TcpHeader;
using ns3::TimeStep;

namespace
{

constexpr uint32_t SOCKET_BUFFER = 128 * 1024;
constexpr sim_time LINGER = 60 * SIM_S;
constexpr sim_time TIME_WAITING = 60 * SIM_S; /* as Linux; twice the segment lifetime */
constexpr int FIN_TRIES = 8;
constexpr sim_time FULL_LOST_AFTER =
    10 * SIM_S;                          /* no queue of ns-3's devices holds a packet so long */
constexpr double DEFAULT_DISTANCE = 3;   /* m */
constexpr double GOLDEN_ANGLE = 2.39996; /* rad */
constexpr uint64_t STREAM_BLOCKS = uint64_t{1} << 44;
constexpr int64_t STREAMS_EACH = 1024; /* more than a device of any kind draws from */
constexpr uint16_t ETHERTYPE_IPV4 = 0x0800;
constexpr uint16_t ETHERTYPE_IPV6 = 0x86dd;
constexpr uint32_t TCP_OPTIONS = 12; /* timestamps (RFC 7323), on every segment */

/* --- events -------------------------------------------------------------------------------- */

/* ns-3's simulator on the net's agenda: events of ns-3's models and timers of net.h take turns in
 * one order, and the net says how far they go. */
class Simulation final : public ns3::SimulatorImpl
{
  public:
    Simulation() : m_agenda(agenda_create())
    {
        agenda_may_go(m_agenda, &RunEvent, &IsGone);
    }
    ~Simulation() override
    {
        agenda_free(m_agenda);
    }

    /* --- for net.h */

    net_timer Set(sim_time at, net_timer_fn *fn, void *arg)
    {
        return agenda_set(m_agenda, at, fn, arg, Tag(m_context));
    }
    void CancelTimer(net_timer timer)
    {
        agenda_cancel(m_agenda, timer);
    }
    void LookAhead(net_timer_fn *fn, net_look_fn *look)
    {
        agenda_look_ahead(m_agenda, fn, look);
    }
    sim_time NowNs() const
    {
        return m_now;
    }

    /* Runs at most `budget` events that are due by `until`, and goes there where none is left. */
    void RunUntil(sim_time until, uint64_t budget)
    {
        CHECK(!m_running); /* not from inside an event */
        m_running = true;
        m_stop = false;
        sim_time at = 0;
        bool more = agenda_next(m_agenda, &at);
        for (; more && at <= until && budget > 0 && !m_stop; budget--) {
            RunNext();
            more = agenda_next(m_agenda, &at);
        }
        if (!m_stop && !(more && at <= until)) {
            m_now = until;
            m_current = m_next - 1; /* all events of this instant */
        }
        m_running = false;
    }

    /* --- ns3::SimulatorImpl */

    EventId Schedule(const ns3::Time &delay, ns3::EventImpl *event) override
    {
        return Insert(m_context, m_now + delay.GetTimeStep(), event);
    }
    void ScheduleWithContext(uint32_t context, const ns3::Time &delay,
                             ns3::EventImpl *event) override
    {
        Insert(context, m_now + delay.GetTimeStep(), event);
    }
    EventId ScheduleNow(ns3::EventImpl *event) override
    {
        return Insert(m_context, m_now, event);
    }
    EventId ScheduleDestroy(ns3::EventImpl *event) override
    {
        m_at_end.emplace_back(Ptr<ns3::EventImpl>(event, false), static_cast<uint64_t>(m_now),
                              Simulator::NO_CONTEXT, EventId::UID::DESTROY);
        return m_at_end.back();
    }
    void Remove(const EventId &id) override
    {
        Cancel(id);
    }
    void Cancel(const EventId &id) override
    {
        if (!IsExpired(id)) {
            id.PeekEventImpl()->Cancel();
        }
    }
    bool IsExpired(const EventId &id) const override
    {
        if (id.PeekEventImpl() == nullptr || id.PeekEventImpl()->IsCancelled()) {
            return true;
        }
        if (id.GetUid() == EventId::UID::DESTROY) {
            return std::find(m_at_end.begin(), m_at_end.end(), id) == m_at_end.end();
        }
        uint64_t now = static_cast<uint64_t>(m_now);
        return id.GetTs() < now || (id.GetTs() == now && id.GetUid() <= m_current);
    }
    ns3::Time GetDelayLeft(const EventId &id) const override
    {
        return TimeStep(IsExpired(id) ? 0 : id.GetTs() - static_cast<uint64_t>(m_now));
    }
    void Run() override
    {
        RunUntil(INT64_MAX, UINT64_MAX);
    }
    void Stop() override
    {
        m_stop = true;
    }
    void Stop(const ns3::Time &delay) override
    {
        Simulator::Schedule(delay, static_cast<void (*)()>(&Simulator::Stop));
    }
    bool IsFinished() const override
    {
        sim_time at;
        return m_stop || !agenda_next(m_agenda, &at);
    }
    /* What is left does not happen, and is given back. */
    void Destroy() override
    {
        sim_time at;
        for (const EventId &id : m_at_end) {
            if (!id.PeekEventImpl()->IsCancelled()) {
                id.PeekEventImpl()->Invoke();
            }
        }
        m_at_end.clear();
        while (agenda_next(m_agenda, &at)) {
            struct agenda_event e = agenda_take(m_agenda);
            if (e.fn == &RunEvent) {
                static_cast<ns3::EventImpl *>(e.arg)->Unref();
            }
        }
    }
    ns3::Time Now() const override
    {
        return TimeStep(static_cast<uint64_t>(m_now));
    }
    ns3::Time GetMaximumSimulationTime() const override
    {
        return TimeStep(INT64_MAX);
    }
    void SetScheduler(ns3::ObjectFactory) override
    {
        /* the agenda is the only one */
    }
    uint32_t GetSystemId() const override
    {
        return 0;
    }
    uint32_t GetContext() const override
    {
        return m_context;
    }
    uint64_t GetEventCount() const override
    {
        return m_handled;
    }

  private:
    static void RunEvent(void *arg)
    {
        auto event = static_cast<ns3::EventImpl *>(arg);
        event->Invoke();
        event->Unref();
    }
    static bool IsGone(void *arg)
    {
        auto event = static_cast<ns3::EventImpl *>(arg);
        bool gone = event->IsCancelled();
        if (gone) {
            event->Unref();
        }
        return gone;
    }

    uint64_t Tag(uint32_t context) const
    {
        return static_cast<uint64_t>(context) << 32U | m_next;
    }
    EventId Insert(uint32_t context, sim_time at, ns3::EventImpl *event)
    {
        agenda_set(m_agenda, at, &RunEvent, event, Tag(context));
        return {Ptr<ns3::EventImpl>(event), static_cast<uint64_t>(at), context, m_next++};
    }
    void RunNext()
    {
        struct agenda_event e = agenda_take(m_agenda);
        m_now = e.at;
        m_context = static_cast<uint32_t>(e.tag >> 32U);
        /* a timer stands between the events scheduled before it and those after */
        m_current = static_cast<uint32_t>(e.tag) - (e.fn == &RunEvent ? 0 : 1);
        m_handled++;
        agenda_come_nearer(m_agenda);
        e.fn(e.arg);
    }

    struct agenda *m_agenda; /* tags: context << 32 | number of ns-3's next event */
    sim_time m_now = 0;      /* of the event that runs, or ran last */
    uint32_t m_context = Simulator::NO_CONTEXT;
    uint32_t m_next = EventId::UID::VALID;
    uint32_t m_current = EventId::UID::INVALID;
    uint64_t m_handled = 0;
    bool m_running = false;
    bool m_stop = false;
    std::vector<EventId> m_at_end;
};

/* --- forward ------------------------------------------------------------------------------- */

class Tcp;
struct Host;
struct Net;

struct Stream : net_stream {
    Ptr<Tcp> tcp;
    const net_stream_ops *ops = nullptr;
    void *arg = nullptr;
    bool connected = false;
    bool closing = false; /* the user closed it */
    bool dead = false;    /* no further callback; freed by an event of this instant */
    bool short_send = false;
    bool writable_due = false;
    EventId linger;
    size_t place = 0; /* index in Net::streams */
};

struct Listener {
    Host *host;
    net_accept_fn *fn;
    void *arg;
    Ptr<Tcp> tcp;
};

struct Port {
    Host *host;
    net_datagram_fn *fn; /* nullptr: only sent from so far */
    void *arg;
    Ptr<ns3::Socket> socket;
};

struct Wire;

/* What the links of one kind of device that end at a node share (fidelity full). */
struct Cell {
    Host *hub;
    enum net_device kind;
    Ptr<ns3::Channel> channel;
    Ptr<ns3::NetDevice> device;      /* the hub's */
    std::map<Address, Wire *> wires; /* by the address of the other end */
};

/* A packet in ns-3's hands. */
struct Followed {
    Wire *wire;
    int direction;
    uint64_t tag;
    EventId expiry;
};

/* A packet that waits for the association. */
struct Waiting {
    int direction;
    uint64_t number;
    Ptr<ns3::Packet> packet;
};

/* A link of fidelity full. */
struct Wire {
    Net *net;
    struct link *model;
    Cell *cell;
    Ptr<ns3::NetDevice> devices[2]; /* of the ends */
    struct packet_link6 ipv6;       /* LR-WPAN */
    bool associated;
    std::vector<Waiting> waiting;
};

struct Net : net {
    Ptr<Simulation> simulation;
    Ptr<Tcp> prototype; /* sockets are copied from it: attributes are looked up once */
    std::vector<std::unique_ptr<Host>> hosts;
    std::vector<Stream *> streams;
    std::map<uint64_t, std::unique_ptr<Cell>> cells; /* node << 8 | kind of device */
    std::map<net_link, std::unique_ptr<Wire>> wires; /* fidelity full */
    std::unordered_map<uint64_t, Followed> followed; /* only looked up */
    uint64_t packets_followed = 0;
    uint64_t tag = 0;     /* of the datagram being sent right now */
    struct buf out = {};  /* scratch: packet being sent */
    struct buf data = {}; /* scratch: payload handed to a callback */
};

/* --- IP ------------------------------------------------------------------------------------ */

/* ns-3 asks a routing protocol for the source address of a packet; there is one answer a node. */
class OneRoute : public ns3::Ipv4RoutingProtocol
{
  public:
    explicit OneRoute(Ipv4Address source) : m_route(ns3::Create<ns3::Ipv4Route>())
    {
        m_route->SetSource(source);
    }
    Ptr<ns3::Ipv4Route> RouteOutput(Ptr<ns3::Packet>, const ns3::Ipv4Header &, Ptr<ns3::NetDevice>,
                                    ns3::Socket::SocketErrno &error) override
    {
        error = ns3::Socket::ERROR_NOTERROR;
        return m_route;
    }
    bool RouteInput(Ptr<const ns3::Packet>, const ns3::Ipv4Header &, Ptr<const ns3::NetDevice>,
                    UnicastForwardCallback, MulticastForwardCallback, LocalDeliverCallback,
                    ErrorCallback) override
    {
        return false;
    }
    void NotifyInterfaceUp(uint32_t) override
    {
    }
    void NotifyInterfaceDown(uint32_t) override
    {
    }
    void NotifyAddAddress(uint32_t, ns3::Ipv4InterfaceAddress) override
    {
    }
    void NotifyRemoveAddress(uint32_t, ns3::Ipv4InterfaceAddress) override
    {
    }
    void SetIpv4(Ptr<ns3::Ipv4>) override
    {
    }
    void PrintRoutingTable(Ptr<ns3::OutputStreamWrapper>, ns3::Time::Unit) const override
    {
    }

  private:
    Ptr<ns3::Ipv4Route> m_route;
};

void host_send(Host *host, Ptr<ns3::Packet> packet, Ipv4Address destination, uint8_t protocol);

/* What TCP and UDP take for the node's IPv4. It sets up no interfaces (NotifyNewAggregate) and is
 * asked for nothing but Send(). */
class StarIp : public ns3::Ipv4L3Protocol
{
  public:
    Host *host = nullptr;

    void Send(Ptr<ns3::Packet> packet, Ipv4Address, Ipv4Address destination, uint8_t protocol,
              Ptr<ns3::Ipv4Route>) override
    {
        host_send(host, packet, destination, protocol);
    }

  protected:
    void NotifyNewAggregate() override
    {
        ns3::Object::NotifyNewAggregate();
    }
};

struct Host {
    Net *net;
    net_node node;
    Ipv4Address address;
    Ptr<ns3::Node> ns;
    Ptr<StarIp> ip;
    Ptr<ns3::TcpL4Protocol> tcp;
    Ptr<ns3::UdpL4Protocol> udp;
    uint16_t next_id = 0;
    /* peer address << 32 | peer port << 16 | port -> connection; only looked up, never iterated */
    std::unordered_map<uint64_t, Tcp *> connections;
    std::map<uint16_t, std::unique_ptr<Listener>> listeners;
    std::map<uint16_t, std::unique_ptr<Port>> ports;
};

uint64_t connection_key(uint32_t peer, uint16_t peer_port, uint16_t port)
{
    return static_cast<uint64_t>(peer) << 32 | static_cast<uint64_t>(peer_port) << 16 | port;
}

Net *net_of(struct net *net)
{
    return static_cast<Net *>(net);
}

/* --- TCP ----------------------------------------------------------------------------------- */

void on_peer_fin(Tcp *tcp);

/* ns-3's TCP with a close of our own.
 *
 * ns-3 3.37 loses data or never ends when segments are lost around a FIN (LAST_ACK and CLOSING take
 * any ACK for that of the FIN; a FIN that carries an ACK leaves it unread; a FIN due behind data
 * that a retransmission overtook is never sent; TIME_WAIT is silent). So for ns-3 a connection
 * stays ESTABLISHED to its end, with all its machinery for data, and FINs live here: they are taken
 * off arriving segments, and sent, repeated and acknowledged beside the data. Smaller corrections
 * stand where they are made. */
class Tcp : public ns3::TcpSocketBase
{
  public:
    Host *host = nullptr;
    Listener *listener = nullptr;
    Stream *stream = nullptr;
    struct net_stream_stats stats = {};

    Tcp() = default;
    Tcp(const Tcp &other) : TcpSocketBase(other), host(other.host), listener(other.listener)
    {
    }
    ~Tcp() override
    {
        m_fin_timer.Cancel();
        Unregister();
    }

    /* Timeouts of RFC 6298 and RFC 1122 where ns-3's are older or shorter; all else is ns-3's:
     * CUBIC, PRR, SACK, timestamps, delayed ACKs, no Nagle, initial window of 10 segments, least
     * RTO of 1 s. */
    void Configure()
    {
        SetSndBufSize(SOCKET_BUFFER);
        SetRcvBufSize(SOCKET_BUFFER);
        SetConnTimeout(ns3::Seconds(1));
        SetSynRetries(7);
        SetDataRetries(15);
    }

    void SetMss(uint32_t bytes)
    {
        m_tcb->m_segmentSize = bytes;
        m_txBuffer->SetSegmentSize(bytes);
        m_tcb->m_cWnd = GetInitialCwnd() * bytes;
        m_tcb->m_cWndInfl = m_tcb->m_cWnd;
    }

    /* From now on segments of this connection find it without ns-3's search of all endpoints. */
    void Register()
    {
        m_key = connection_key(m_endPoint->GetPeerAddress().Get(), m_endPoint->GetPeerPort(),
                               m_endPoint->GetLocalPort());
        m_registered = host->connections.emplace(m_key, this).second;
    }

    bool IsOpen() const
    {
        return m_endPoint != nullptr;
    }

    void Arrive(Ptr<ns3::Packet> packet, const ns3::Ipv4Header &header, uint16_t peer_port)
    {
        ForwardUp(packet, header, peer_port, nullptr);
    }

    void Abort()
    {
        if (m_endPoint != nullptr) {
            SendRST();
        }
        Finish();
    }

    /* FIN behind all that was handed over. */
    void CloseInOrder()
    {
        m_close_wanted = true;
        SendFinIfDue();
    }

  protected:
    Ptr<TcpSocketBase> Fork() override
    {
        return ns3::CopyObject<Tcp>(Ptr<Tcp>(this));
    }

    void CompleteFork(Ptr<ns3::Packet> packet, const TcpHeader &header, const Address &from,
                      const Address &to) override;

    uint32_t SendDataPacket(SequenceNumber32 seq, uint32_t max_size, bool with_ack) override
    {
        bool again = seq < m_tcb->m_highTxMark.Get();
        uint32_t size = TcpSocketBase::SendDataPacket(seq, max_size, with_ack);
        if (with_ack) {
            /* ns-3 notes the acknowledgements of empty segments only, and without this one takes no
             * newer timestamp to echo: the peer would measure round trips of minutes. */
            m_highTxAck = m_tcb->m_rxBuffer->NextRxSequence();
        }
        stats.segments_sent++;
        stats.bytes_sent += size;
        stats.retransmissions += again;
        if (m_close_wanted && !m_fin_sent && AllSent()) {
            SetFinTimer(ns3::Time(0));
        }
        return size;
    }

    /* Segments without data carry the highest number sent (RFC 9293 section 3.4), also while ns-3
     * has gone back to repeat older ones, and the number after the FIN once that was sent. */
    void SendEmptyPacket(uint8_t flags) override
    {
        if (m_state != ESTABLISHED) {
            TcpSocketBase::SendEmptyPacket(flags);
            return;
        }
        bool fin = (flags & TcpHeader::FIN) != 0;
        bool retransmitting = m_retxEvent.IsRunning();
        SequenceNumber32 next = m_tcb->m_nextTxSequence;
        SequenceNumber32 highest = m_tcb->m_highTxMark.Get() + (m_fin_sent && !fin ? 1 : 0);
        if (next != highest) {
            m_tcb->m_nextTxSequence = highest;
        }
        TcpSocketBase::SendEmptyPacket(flags);
        if (next != highest) {
            m_tcb->m_nextTxSequence = next;
        }
        if (fin && !retransmitting) {
            m_retxEvent.Cancel(); /* ours repeats it */
        }
    }

    void DoForwardUp(Ptr<ns3::Packet> packet, const Address &from, const Address &to) override
    {
        uint8_t raw[PACKET_TCP_HEADER];
        if (packet->CopyData(raw, sizeof(raw)) != sizeof(raw)) {
            return;
        }
        uint8_t flags = raw[13];
        bool plain = (flags & (TcpHeader::FIN | TcpHeader::SYN | TcpHeader::RST)) == 0;
        bool closing = m_close_wanted || m_peer_fin_known;
        if (m_state == LISTEN || (plain && !closing)) {
            TcpSocketBase::DoForwardUp(packet, from, to);
            return;
        }
        TcpHeader header;
        packet->RemoveHeader(header);
        if (!IsRefused(header)) {
            ForwardWithoutFin(packet, header, from, to);
        }
    }

  private:
    /* Segments that ns-3 would get wrong; true: dealt with. */
    bool IsRefused(const TcpHeader &header)
    {
        uint8_t flags = header.GetFlags();
        bool rst = (flags & TcpHeader::RST) != 0;
        if (m_state == SYN_SENT && rst) {
            /* ns-3 ignores the RST+ACK that answers a SYN to a closed port. */
            if ((flags & TcpHeader::ACK) != 0 &&
                header.GetAckNumber() == m_tcb->m_nextTxSequence.Get() + 1) {
                NotifyConnectionFailed();
                Finish();
            }
            return true;
        }
        if (m_state != ESTABLISHED) {
            return false;
        }
        if (rst) { /* out of the window: forged or late (RFC 9293 section 3.10.7.4) */
            return header.GetSequenceNumber() < m_tcb->m_rxBuffer->NextRxSequence() ||
                   header.GetSequenceNumber() >= m_tcb->m_rxBuffer->MaxRxSequence();
        }
        if ((flags & TcpHeader::SYN) != 0) {
            /* A repeated SYN+ACK means that our ACK was lost, which ns-3 leaves unanswered; any
             * other SYN gets a challenge ACK (RFC 5961). */
            SendEmptyPacket(TcpHeader::ACK);
            return true;
        }
        return false;
    }

    void ForwardWithoutFin(Ptr<ns3::Packet> packet, TcpHeader &header, const Address &from,
                           const Address &to)
    {
        uint8_t flags = header.GetFlags();
        bool fin = (flags & TcpHeader::FIN) != 0 && m_state != SYN_SENT;
        if (fin) {
            header.SetFlags(static_cast<uint8_t>(flags & ~TcpHeader::FIN));
            m_peer_fin_known = true;
            m_peer_fin = header.GetSequenceNumber() + packet->GetSize();
        }
        if (m_fin_sent && (flags & TcpHeader::ACK) != 0 &&
            header.GetAckNumber() == m_tcb->m_highTxMark.Get() + 1) {
            header.SetAckNumber(m_tcb->m_highTxMark.Get());
            m_fin_acked = true;
        }
        packet->AddHeader(header);
        TcpSocketBase::DoForwardUp(packet, from, to);
        if (m_endPoint == nullptr || m_state != ESTABLISHED) {
            return;
        }
        if (m_peer_fin_known && !m_peer_fin_in &&
            m_tcb->m_rxBuffer->NextRxSequence() >= m_peer_fin) {
            m_peer_fin_in = true;
            m_tcb->m_rxBuffer->SetFinSequence(m_tcb->m_rxBuffer->NextRxSequence());
            on_peer_fin(this);
            m_close_wanted = true;
        }
        bool had_sent = m_fin_sent;
        SendFinIfDue();
        if (fin && had_sent == m_fin_sent && m_endPoint != nullptr) {
            SendEmptyPacket(TcpHeader::ACK);
        }
        FinishIfDone();
    }

    bool AllSent() const
    {
        return m_tcb->m_highTxMark.Get() >= m_txBuffer->TailSequence();
    }

    void SendFinIfDue()
    {
        if (m_close_wanted && !m_fin_sent && m_endPoint != nullptr && m_state == ESTABLISHED &&
            AllSent()) {
            m_fin_sent = true;
            m_active = !m_peer_fin_in;
            SendFin();
        }
    }

    void SendFin()
    {
        SendEmptyPacket(TcpHeader::FIN | TcpHeader::ACK);
        SetFinTimer(std::min(ns3::Time(m_rto.Get() * (1 << m_fin_tries)), ns3::Seconds(60)));
    }

    void SetFinTimer(ns3::Time after)
    {
        m_fin_timer.Cancel();
        m_fin_timer = Simulator::Schedule(after, &Tcp::OnFinTimer, this);
    }

    void OnFinTimer()
    {
        if (m_endPoint == nullptr) {
            return;
        }
        if (!m_fin_sent) {
            SendFinIfDue();
        } else if (m_fin_acked) {
            Finish(); /* the end of TIME_WAIT */
        } else if (++m_fin_tries > FIN_TRIES) {
            NotifyErrorClose();
            Finish();
        } else {
            SendFin();
        }
    }

    void FinishIfDone()
    {
        if (m_endPoint == nullptr || !m_fin_acked) {
            return;
        }
        m_fin_timer.Cancel();
        if (m_peer_fin_in && m_active) {
            CancelAllTimers();
            SetFinTimer(TimeStep(static_cast<uint64_t>(TIME_WAITING)));
        } else if (m_peer_fin_in) {
            Finish();
        }
    }

    void Finish()
    {
        Unregister();
        m_fin_timer.Cancel();
        m_state = CLOSED;
        m_closeNotified = true;
        DeallocateEndPoint();
    }

    void Unregister()
    {
        if (m_registered) {
            host->connections.erase(m_key);
            m_registered = false;
        }
    }

    uint64_t m_key = 0;
    bool m_registered = false;
    bool m_close_wanted = false; /* FIN as soon as all data was sent once */
    bool m_fin_sent = false;     /* its number is m_highTxMark */
    bool m_fin_acked = false;
    bool m_active = false;         /* our FIN went first: TIME_WAIT is ours */
    bool m_peer_fin_known = false; /* perhaps with a hole before it */
    bool m_peer_fin_in = false;
    SequenceNumber32 m_peer_fin;
    int m_fin_tries = 0;
    EventId m_fin_timer; /* repeats the FIN; then TIME_WAIT */
};

Tcp *tcp_of(Ptr<ns3::Socket> socket)
{
    return static_cast<Tcp *>(ns3::PeekPointer(socket));
}

/* --- links --------------------------------------------------------------------------------- */

sim_time now_ns()
{
    return Simulator::Now().GetTimeStep();
}

template <typename... Args> EventId schedule_at(sim_time at, Args... args)
{
    return Simulator::Schedule(TimeStep(static_cast<uint64_t>(at - now_ns())), args...);
}

/* What a node is in ns-3, made when it is first needed: nodes that have fast links only never are.
 */
Host *host_of(Net *n, net_node node)
{
    if (n->hosts[node] != nullptr) {
        return n->hosts[node].get();
    }
    auto host = std::make_unique<Host>();
    host->net = n;
    host->node = node;
    host->address = Ipv4Address(net_node_address(n, node));
    host->ns = ns3::CreateObject<ns3::Node>();
    host->ip = ns3::CreateObject<StarIp>();
    host->ip->host = host.get();
    host->ip->SetRoutingProtocol(ns3::CreateObject<OneRoute>(host->address));
    host->ns->AggregateObject(host->ip);
    host->tcp = ns3::CreateObject<ns3::TcpL4Protocol>();
    host->tcp->SetNode(host->ns);
    host->tcp->SetDownTarget(ns3::MakeCallback(&ns3::Ipv4::Send, Ptr<ns3::Ipv4>(host->ip)));
    n->hosts[node] = std::move(host);
    return n->hosts[node].get();
}

/* --- IP: from and to the transport protocols ----------------------------------------------- */

void host_send(Host *host, Ptr<ns3::Packet> packet, Ipv4Address destination, uint8_t protocol)
{
    Net *n = host->net;
    net_node peer = net_node_of_address(n, destination.Get());
    if (peer == NET_NONE) {
        return; /* the answer to a forged packet */
    }
    struct buf out = n->out; /* borrowed: a tap may send */
    n->out = buf{};
    buf_clear(&out);
    uint32_t size = packet->GetSize();
    bool tcp = protocol == PACKET_TCP;
    packet_append_ip(&out, protocol, host->address.Get(), destination.Get(),
                     tcp ? uint16_t{0} : host->next_id++, tcp, size);
    packet->CopyData(buf_reserve(&out, size), size);
    buf_commit(&out, size);
    ip_send(n->ip, host->node, peer, buf_span(&out), n->tag);
    buf_fini(&n->out);
    n->out = out;
}

void ns3_deliver(struct net *net, net_node node, struct span octets, const struct packet_view *v)
{
    Host *host = host_of(net_of(net), node);
    size_t len = packet_length(octets) - v->ip_header_bytes;
    Ptr<ns3::Packet> packet =
        ns3::Create<ns3::Packet>(octets.data + v->ip_header_bytes, static_cast<uint32_t>(len));
    ns3::Ipv4Header header;
    header.SetSource(Ipv4Address(v->source));
    header.SetDestination(host->address);
    header.SetProtocol(v->protocol);
    header.SetPayloadSize(static_cast<uint16_t>(len));
    if (v->protocol == PACKET_TCP) {
        auto found =
            host->connections.find(connection_key(v->source, v->source_port, v->destination_port));
        if (found != host->connections.end() && found->second->IsOpen()) {
            Ptr<Tcp> tcp(found->second); /* keeps it while it works */
            tcp->Arrive(packet, header, v->source_port);
        } else {
            host->tcp->Receive(packet, header, nullptr);
        }
    } else if (v->protocol == PACKET_UDP && host->udp) {
        host->udp->Receive(packet, header, nullptr);
    }
}

/* --- streams ------------------------------------------------------------------------------- */

void stream_forget(Stream *s)
{
    Net *n = net_of(s->net);
    n->streams.back()->place = s->place;
    n->streams[s->place] = n->streams.back();
    n->streams.pop_back();
    delete s;
}

/* Ends what the user sees of a stream. Its memory goes with an event of this instant, because ns-3
 * may be in the middle of its socket. */
void stream_detach(Stream *s)
{
    s->dead = true;
    s->tcp->stream = nullptr;
    s->linger.Cancel();
    Simulator::ScheduleNow(&stream_forget, s);
}

void stream_closed(Stream *s, int error)
{
    stream_detach(s);
    s->ops->closed(s->arg, error);
}

void on_linger(Stream *s)
{
    Ptr<Tcp> tcp = s->tcp;
    tcp->stream = nullptr;
    tcp->Abort();
    stream_closed(s, -SIM_EIO);
}

void stream_close_now(Stream *s)
{
    if (s->connected) {
        s->tcp->CloseInOrder();
    }
}

void on_connected(Ptr<ns3::Socket> socket)
{
    Stream *s = tcp_of(socket)->stream;
    if (s == nullptr) {
        return;
    }
    s->connected = true;
    s->ops->connected(s->arg);
    if (!s->dead && s->closing) {
        stream_close_now(s);
    }
}

void on_failed(Ptr<ns3::Socket> socket)
{
    Stream *s = tcp_of(socket)->stream;
    if (s != nullptr) {
        stream_closed(s, -SIM_EIO);
    }
}

void on_data(Ptr<ns3::Socket> socket)
{
    Tcp *tcp = tcp_of(socket);
    Stream *s = tcp->stream;
    struct buf data = tcp->host->net->data; /* borrowed: a callback may cause further ones */
    tcp->host->net->data = buf{};
    buf_clear(&data);
    for (Ptr<ns3::Packet> p = tcp->Recv(UINT32_MAX, 0); p && p->GetSize() > 0;
         p = tcp->Recv(UINT32_MAX, 0)) {
        p->CopyData(buf_reserve(&data, p->GetSize()), p->GetSize());
        buf_commit(&data, p->GetSize());
    }
    if (s != nullptr && buf_len(&data) > 0) {
        s->ops->data(s->arg, buf_span(&data));
    }
    Net *n = tcp->host->net;
    buf_fini(&n->data);
    n->data = data;
}

/* All octets before the peer's FIN are in. */
void on_peer_fin(Tcp *tcp)
{
    if (tcp->stream != nullptr) {
        stream_closed(tcp->stream, 0);
    }
}

/* ns-3 calls a reset a normal close, too; it sees no other. */
void on_reset(Ptr<ns3::Socket> socket)
{
    on_failed(socket);
}

void tell_writable(Stream *s)
{
    s->writable_due = false;
    if (!s->dead && !s->closing && s->tcp->GetTxAvailable() > 0) {
        s->short_send = false;
        s->ops->writable(s->arg);
    }
}

/* ns-3 says so in the middle of sending; the user must not abort there. */
void on_send_space(Ptr<ns3::Socket> socket, uint32_t)
{
    Stream *s = tcp_of(socket)->stream;
    if (s != nullptr && s->short_send && !s->writable_due && !s->closing) {
        s->writable_due = true;
        Simulator::ScheduleNow(&tell_writable, s);
    }
}

Stream *stream_create(Net *n, Ptr<Tcp> tcp)
{
    Stream *s = new Stream;
    s->net = n;
    s->calls = nullptr;
    s->tcp = tcp;
    s->place = n->streams.size();
    n->streams.push_back(s);
    tcp->stream = s;
    tcp->SetConnectCallback(ns3::MakeCallback(&on_connected), ns3::MakeCallback(&on_failed));
    tcp->SetRecvCallback(ns3::MakeCallback(&on_data));
    tcp->SetSendCallback(ns3::MakeCallback(&on_send_space));
    tcp->SetCloseCallbacks(ns3::MakeCallback(&on_reset), ns3::MakeCallback(&on_reset));
    return s;
}

uint32_t mss_of(const Host *host, net_node peer)
{
    return ip_path_mtu(host->net, host->node, peer) - PACKET_IP_HEADER - PACKET_TCP_HEADER -
           TCP_OPTIONS;
}

void Tcp::CompleteFork(Ptr<ns3::Packet> packet, const TcpHeader &header, const Address &from,
                       const Address &to)
{
    uint32_t address = InetSocketAddress::ConvertFrom(from).GetIpv4().Get();
    SetMss(mss_of(host, net_node_of_address(host->net, address)));
    TcpSocketBase::CompleteFork(packet, header, from, to);
    if (m_endPoint != nullptr) {
        Register();
    }
}

/* The handshake of an incoming connection is complete. */
void on_accepted(Ptr<ns3::Socket> socket, const Address &from)
{
    Ptr<Tcp> tcp(tcp_of(socket));
    Net *n = tcp->host->net;
    uint32_t address = InetSocketAddress::ConvertFrom(from).GetIpv4().Get();
    Stream *s = stream_create(n, tcp);
    s->connected = true;
    const Listener *l = tcp->listener;
    if (!l->fn(l->arg, s, net_node_of_address(n, address), &s->ops, &s->arg)) {
        if (!s->dead) {
            stream_detach(s);
            tcp->Abort();
        }
        return;
    }
    CHECK(s->ops != nullptr || s->dead);
}

/* A SYN that says to come from where no way leads is forged; nothing could be answered. */
bool on_request(Ptr<ns3::Socket> socket, const Address &from)
{
    const Host *host = tcp_of(socket)->host;
    uint32_t address = InetSocketAddress::ConvertFrom(from).GetIpv4().Get();
    net_node peer = net_node_of_address(host->net, address);
    return peer != NET_NONE && net_link_towards(host->net, host->node, peer) != NET_NONE;
}

Ptr<Tcp> tcp_create(Host *host)
{
    Ptr<Tcp> tcp = ns3::CopyObject<Tcp>(host->net->prototype);
    tcp->host = host;
    tcp->SetNode(host->ns);
    tcp->SetTcp(host->tcp);
    host->tcp->AddSocket(tcp);
    return tcp;
}

int ns3_listen(struct net *net, net_node node, uint16_t port, net_accept_fn *fn, void *arg)
{
    Host *host = host_of(net_of(net), node);
    if (host->listeners.count(port) != 0) {
        return -SIM_EEXIST;
    }
    auto l = std::make_unique<Listener>(Listener{host, fn, arg, tcp_create(host)});
    l->tcp->listener = l.get();
    l->tcp->SetAcceptCallback(ns3::MakeCallback(&on_request), ns3::MakeCallback(&on_accepted));
    if (l->tcp->Bind(InetSocketAddress(Ipv4Address::GetAny(), port)) != 0 ||
        l->tcp->Listen() != 0) {
        host->tcp->RemoveSocket(l->tcp);
        return -SIM_EEXIST; /* the port of a connection of this node's own */
    }
    host->listeners[port] = std::move(l);
    return 0;
}

int ns3_connect(struct net *net, net_node node, net_node peer, uint16_t port, struct link *,
                const struct net_stream_ops *ops, void *arg, struct net_stream **ret)
{
    Net *n = net_of(net);
    Host *host = host_of(n, node);
    Ptr<Tcp> tcp = tcp_create(host);
    tcp->SetMss(mss_of(host, peer));
    if (tcp->Connect(InetSocketAddress(host_of(n, peer)->address, port)) != 0) {
        host->tcp->RemoveSocket(tcp);
        return -SIM_EIO;
    }
    tcp->Register();
    Stream *s = stream_create(n, tcp);
    s->ops = ops;
    s->arg = arg;
    *ret = s;
    return 0;
}

size_t ns3_send(struct net_stream *stream, struct span bytes)
{
    Stream *s = static_cast<Stream *>(stream);
    if (s->dead || s->closing) {
        return 0;
    }
    size_t taken = std::min<size_t>(bytes.len, s->tcp->GetTxAvailable());
    if (taken > 0 &&
        s->tcp->Send(ns3::Create<ns3::Packet>(bytes.data, static_cast<uint32_t>(taken)), 0) < 0) {
        taken = 0;
    }
    s->short_send = s->short_send || taken < bytes.len;
    return taken;
}

void ns3_close(struct net_stream *stream)
{
    Stream *s = static_cast<Stream *>(stream);
    if (s->dead || s->closing) {
        return;
    }
    s->closing = true;
    s->linger = schedule_at(now_ns() + LINGER, &on_linger, s);
    stream_close_now(s);
}

void ns3_abort(struct net_stream *stream)
{
    Stream *s = static_cast<Stream *>(stream);
    if (!s->dead) {
        Ptr<Tcp> tcp = s->tcp;
        stream_detach(s);
        tcp->Abort();
    }
}

void ns3_stream_stats(const struct net_stream *stream, struct net_stream_stats *ret)
{
    *ret = static_cast<const Stream *>(stream)->tcp->stats;
}

/* --- datagrams ----------------------------------------------------------------------------- */

void on_datagram(Port *port, Ptr<ns3::Socket> socket)
{
    Address from;
    for (Ptr<ns3::Packet> p = socket->RecvFrom(from); p; p = socket->RecvFrom(from)) {
        uint32_t address = InetSocketAddress::ConvertFrom(from).GetIpv4().Get();
        net_node node = net_node_of_address(port->host->net, address);
        if (port->fn == nullptr || node == NET_NONE) {
            continue;
        }
        struct buf payload = {};
        p->CopyData(buf_reserve(&payload, p->GetSize()), p->GetSize());
        buf_commit(&payload, p->GetSize());
        port->fn(port->arg, node, buf_span(&payload));
        buf_fini(&payload);
    }
}

Port *port_open(Host *host, uint16_t number)
{
    auto &port = host->ports[number];
    if (port) {
        return port.get();
    }
    if (!host->udp) {
        host->udp = ns3::CreateObject<ns3::UdpL4Protocol>();
        host->udp->SetNode(host->ns);
        host->udp->SetDownTarget(ns3::MakeCallback(&ns3::Ipv4::Send, Ptr<ns3::Ipv4>(host->ip)));
    }
    port = std::make_unique<Port>(Port{host, nullptr, nullptr, host->udp->CreateSocket()});
    CHECK(port->socket->Bind(InetSocketAddress(host->address, number)) == 0);
    port->socket->SetRecvCallback(ns3::MakeBoundCallback(&on_datagram, port.get()));
    return port.get();
}

int ns3_datagram_bind(struct net *net, net_node node, uint16_t port, net_datagram_fn *fn, void *arg)
{
    Port *p = port_open(host_of(net_of(net), node), port);
    if (p->fn != nullptr) {
        return -SIM_EEXIST;
    }
    p->fn = fn;
    p->arg = arg;
    return 0;
}

int ns3_datagram_send(struct net *net, net_node node, net_node peer, uint16_t port, struct link *,
                      struct span payload, uint64_t tag)
{
    Net *n = net_of(net);
    Port *p = port_open(host_of(n, node), port);
    Ptr<ns3::Packet> packet =
        ns3::Create<ns3::Packet>(payload.data, static_cast<uint32_t>(payload.len));
    uint64_t outer = n->tag; /* a tap may send */
    n->tag = tag;
    int sent = p->socket->SendTo(packet, 0, InetSocketAddress(host_of(n, peer)->address, port));
    n->tag = outer;
    return sent >= 0 ? 0 : -SIM_EIO;
}

/* --- fidelity full: devices and channels of ns-3's ------------------------------------------- */

/* Rides on a packet through devices, queues and fragments. */
class Number : public ns3::Tag
{
  public:
    static ns3::TypeId GetTypeId()
    {
        static ns3::TypeId tid =
            ns3::TypeId("cpnsim::Number").SetParent<ns3::Tag>().AddConstructor<Number>();
        return tid;
    }
    ns3::TypeId GetInstanceTypeId() const override
    {
        return GetTypeId();
    }
    uint32_t GetSerializedSize() const override
    {
        return sizeof(value);
    }
    void Serialize(ns3::TagBuffer out) const override
    {
        out.WriteU64(value);
    }
    void Deserialize(ns3::TagBuffer in) override
    {
        value = in.ReadU64();
    }
    void Print(std::ostream &) const override
    {
    }

    uint64_t value = 0;
};

struct ip_link *ip_of(const Wire *w)
{
    return ip_link_of(w->net->ip, w->model);
}

/* ns-3 tells of a packet that it drops in many places, and not in all: what has not come out after
 * a time that no queue holds it for is lost. */
void on_expiry(Net *n, uint64_t number)
{
    Followed f = n->followed.at(number);
    n->followed.erase(number);
    ip_lost(ip_of(f.wire), f.direction, f.tag, "loss");
}

void wire_forget(Net *n, uint64_t number, const char *reason)
{
    Followed f = n->followed.at(number);
    f.expiry.Cancel();
    n->followed.erase(number);
    ip_lost(ip_of(f.wire), f.direction, f.tag, reason);
}

/* A packet came out of the device at an end of the wire. */
void wire_receive(Wire *w, int direction, Ptr<const ns3::Packet> packet)
{
    Net *n = w->net;
    Number number;
    struct buf octets = {};
    struct buf ipv4 = {};
    uint32_t size = packet->GetSize();
    packet->CopyData(buf_reserve(&octets, size), size);
    buf_commit(&octets, size);
    bool sound = true;
    if (w->cell->kind == NET_DEVICE_LR_WPAN) {
        sound = packet_from_ipv6(buf_span(&octets), &w->ipv6, &ipv4) == 0;
        std::swap(octets, ipv4);
    }
    auto found = packet->FindFirstMatchingByteTag(number) ? n->followed.find(number.value)
                                                          : n->followed.end();
    if (sound && found != n->followed.end()) {
        uint64_t tag = found->second.tag;
        found->second.expiry.Cancel();
        n->followed.erase(found);
        ip_arrived(ip_of(w), direction, buf_span(&octets), tag);
    }
    buf_fini(&octets);
    buf_fini(&ipv4);
}

bool on_frame_at_station(Wire *w, Ptr<ns3::NetDevice>, Ptr<const ns3::Packet> packet, uint16_t,
                         const Address &)
{
    wire_receive(w, 1, packet);
    return true;
}

bool on_frame_at_hub(Cell *c, Ptr<ns3::NetDevice>, Ptr<const ns3::Packet> packet, uint16_t,
                     const Address &from)
{
    auto found = c->wires.find(from);
    if (found != c->wires.end()) {
        wire_receive(found->second, 0, packet);
    }
    return found != c->wires.end();
}

void wire_transmit(Wire *w, int direction, uint64_t number, Ptr<ns3::Packet> packet)
{
    bool ipv6 = w->cell->kind == NET_DEVICE_LR_WPAN;
    const Address to = w->devices[1 - direction]->GetAddress();
    if (!w->devices[direction]->Send(packet, to, ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4) &&
        w->net->followed.count(number) != 0) {
        wire_forget(w->net, number, "queue");
    }
}

void ns3_transmit(struct net *net, struct link *model, int direction, struct span octets,
                  uint64_t tag)
{
    Net *n = net_of(net);
    Wire *w = n->wires.at(model->id).get();
    struct buf ipv6 = {};
    if (w->cell->kind == NET_DEVICE_LR_WPAN) {
        packet_to_ipv6(octets, &w->ipv6, direction, &ipv6);
        octets = buf_span(&ipv6);
    }
    Ptr<ns3::Packet> packet =
        ns3::Create<ns3::Packet>(octets.data, static_cast<uint32_t>(octets.len));
    Number number;
    number.value = ++n->packets_followed;
    packet->AddByteTag(number); /* of packet tags 6LoWPAN keeps none when it reassembles */
    EventId expiry = schedule_at(now_ns() + FULL_LOST_AFTER, &on_expiry, n, number.value);
    n->followed[number.value] = Followed{w, direction, tag, expiry};
    if (w->associated) {
        wire_transmit(w, direction, number.value, packet);
    } else if (w->waiting.size() < model->params.queue_packets) {
        w->waiting.push_back(Waiting{direction, number.value, packet});
    } else {
        wire_forget(n, number.value, "queue");
    }
    buf_fini(&ipv6);
}

void wire_flush(Wire *w)
{
    std::vector<Waiting> waiting = std::move(w->waiting);
    w->waiting.clear();
    for (Waiting &p : waiting) {
        wire_transmit(w, p.direction, p.number, p.packet);
    }
}

/* ns-3 says so before its station takes packets. */
void on_association(Wire *w, ns3::Mac48Address)
{
    w->associated = true;
    Simulator::ScheduleNow(&wire_flush, w);
}

void on_disassociation(Wire *w, ns3::Mac48Address)
{
    w->associated = false;
}

/* Where a node is: a hub where it was put first, a station at its distance from the hub. */
void place(Host *host, const Host *hub, double distance, uint32_t turn)
{
    if (host->ns->GetObject<ns3::MobilityModel>() == nullptr) {
        ns3::Vector at(0, 0, 0);
        if (hub != nullptr) {
            at = hub->ns->GetObject<ns3::MobilityModel>()->GetPosition();
            double angle = turn * GOLDEN_ANGLE; /* stations spread round the hub */
            at.x += distance * std::cos(angle);
            at.y += distance * std::sin(angle);
        }
        auto model = ns3::CreateObject<ns3::ConstantPositionMobilityModel>();
        model->SetPosition(at);
        host->ns->AggregateObject(model);
    }
}

Ptr<ns3::NetDevice> add_wifi(const Cell *c, Host *host, int64_t streams)
{
    bool hub = host == c->hub;
    ns3::WifiHelper wifi;
    ns3::YansWifiPhyHelper phy;
    ns3::WifiMacHelper mac;
    wifi.SetStandard(ns3::WIFI_STANDARD_80211n);
    wifi.SetRemoteStationManager("ns3::MinstrelHtWifiManager");
    phy.SetChannel(ns3::DynamicCast<ns3::YansWifiChannel>(c->channel));
    phy.Set("ChannelSettings", ns3::StringValue("{36, 20, BAND_5GHZ, 0}"));
    mac.SetType(hub ? "ns3::ApWifiMac" : "ns3::StaWifiMac", "Ssid",
                ns3::SsidValue(ns3::Ssid("cpns")), "BE_MaxAmpduSize", ns3::UintegerValue(0));
    ns3::NetDeviceContainer device = wifi.Install(phy, mac, host->ns);
    wifi.AssignStreams(device, streams);
    return device.Get(0);
}

Ptr<ns3::NetDevice> add_lr_wpan(const Cell *c, Host *host, uint16_t number, int64_t streams)
{
    ns3::SixLowPanHelper sixlowpan;
    auto radio =
        ns3::CreateObject<ns3::LrWpanNetDevice>(); /* LrWpanHelper disposes of its channel */
    radio->SetChannel(ns3::DynamicCast<ns3::SpectrumChannel>(c->channel));
    host->ns->AddDevice(radio);
    radio->SetNode(host->ns);
    uint8_t address[2] = {static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)};
    ns3::Mac16Address short_address;
    short_address.CopyFrom(address);
    radio->SetAddress(short_address);
    radio->GetMac()->SetPanId(1);
    streams += radio->AssignStreams(streams);
    ns3::NetDeviceContainer adapted = sixlowpan.Install(ns3::NetDeviceContainer(radio));
    sixlowpan.AssignStreams(adapted, streams);
    return adapted.Get(0);
}

Ptr<ns3::NetDevice> add_csma(const Cell *c, Host *host, int64_t streams)
{
    ns3::CsmaHelper csma;
    ns3::NetDeviceContainer device =
        csma.Install(host->ns, ns3::DynamicCast<ns3::CsmaChannel>(c->channel));
    csma.AssignStreams(device, streams);
    return device.Get(0);
}

/* `number` is the device's in its cell, from 1. Its random streams are keyed by the link's name:
 * another device changes none of them. */
Ptr<ns3::NetDevice> add_device(const Cell *c, Host *host, uint16_t number, const char *name)
{
    struct rng key;
    rng_init(&key, c->hub->net->seed, name, "ns-3");
    int64_t streams = static_cast<int64_t>(rng_u64(&key) % STREAM_BLOCKS) * STREAMS_EACH;
    switch (c->kind) {
    case NET_DEVICE_WIFI:
        return add_wifi(c, host, streams);
    case NET_DEVICE_LR_WPAN:
        return add_lr_wpan(c, host, number, streams);
    default:
        return add_csma(c, host, streams);
    }
}

Ptr<ns3::Channel> make_channel(const struct net_link_params &p)
{
    if (p.device == NET_DEVICE_WIFI) {
        return ns3::YansWifiChannelHelper::Default().Create();
    }
    if (p.device == NET_DEVICE_LR_WPAN) {
        auto channel = ns3::CreateObject<ns3::SingleModelSpectrumChannel>();
        channel->AddPropagationLossModel(ns3::CreateObject<ns3::LogDistancePropagationLossModel>());
        channel->SetPropagationDelayModel(
            ns3::CreateObject<ns3::ConstantSpeedPropagationDelayModel>());
        return channel;
    }
    auto channel = ns3::CreateObject<ns3::CsmaChannel>();
    channel->SetAttribute("DataRate", ns3::DataRateValue(ns3::DataRate(p.rate_bps)));
    channel->SetAttribute("Delay", ns3::TimeValue(TimeStep(static_cast<uint64_t>(p.delay))));
    return channel;
}

Cell *cell_of(Net *n, const struct link *model)
{
    const struct net_link_params &p = model->params;
    auto &cell = n->cells[static_cast<uint64_t>(model->ends[1]) << 8 | p.device];
    if (!cell) {
        cell = std::make_unique<Cell>();
        cell->hub = host_of(n, model->ends[1]);
        cell->kind = p.device;
        cell->channel = make_channel(p);
        place(cell->hub, nullptr, 0, 0);
        cell->device = add_device(cell.get(), cell->hub, 1, n->nodes[model->ends[1]]);
        cell->device->SetReceiveCallback(ns3::MakeBoundCallback(&on_frame_at_hub, cell.get()));
    }
    return cell.get();
}

void local_address(const Ptr<ns3::NetDevice> &device, uint8_t *out)
{
    auto radio = ns3::DynamicCast<ns3::SixLowPanNetDevice>(device);
    ns3::Ipv6Address::MakeAutoconfiguredLinkLocalAddress(radio->GetNetDevice()->GetAddress())
        .GetBytes(out);
}

void ns3_link_added(struct net *net, struct link *model)
{
    Net *n = net_of(net);
    const struct net_link_params &p = model->params;
    auto w = std::make_unique<Wire>();
    Cell *c = cell_of(n, model);
    Host *station = host_of(n, model->ends[0]);
    uint32_t turn = static_cast<uint32_t>(c->wires.size());
    place(station, c->hub, p.distance_m > 0 ? p.distance_m : DEFAULT_DISTANCE, turn);
    w->net = n;
    w->model = model;
    w->cell = c;
    w->devices[0] = add_device(c, station, static_cast<uint16_t>(turn + 2), p.name);
    w->devices[1] = c->device;
    w->devices[0]->SetReceiveCallback(ns3::MakeBoundCallback(&on_frame_at_station, w.get()));
    w->associated = p.device != NET_DEVICE_WIFI;
    if (p.device == NET_DEVICE_WIFI) {
        auto mac = ns3::DynamicCast<ns3::WifiNetDevice>(w->devices[0])->GetMac();
        mac->TraceConnectWithoutContext("Assoc", ns3::MakeBoundCallback(&on_association, w.get()));
        mac->TraceConnectWithoutContext("DeAssoc",
                                        ns3::MakeBoundCallback(&on_disassociation, w.get()));
    } else if (p.device == NET_DEVICE_LR_WPAN) {
        for (int i = 0; i < 2; i++) {
            w->ipv6.ends[i] = net_node_address(n, model->ends[i]);
            local_address(w->devices[i], w->ipv6.local[i]);
        }
    }
    c->wires[w->devices[0]->GetAddress()] = w.get();
    n->wires[model->id] = std::move(w);
}

/* --- timers and running -------------------------------------------------------------------- */

void ns3_look_ahead(struct net *net, net_timer_fn *fn, net_look_fn *look)
{
    net_of(net)->simulation->LookAhead(fn, look);
}

net_timer ns3_timer_set(struct net *net, sim_time at, net_timer_fn *fn, void *arg)
{
    return net_of(net)->simulation->Set(at, fn, arg);
}

void ns3_timer_cancel(struct net *net, net_timer timer)
{
    net_of(net)->simulation->CancelTimer(timer);
}

uint64_t ns3_run(struct net *net, sim_time until, uint64_t budget)
{
    Simulation *simulation = ns3::PeekPointer(net_of(net)->simulation);
    uint64_t before = simulation->GetEventCount();
    simulation->RunUntil(until, budget != 0 ? budget : UINT64_MAX);
    return simulation->GetEventCount() - before;
}

void ns3_stop(struct net *net)
{
    net_of(net)->simulation->Stop();
}

sim_time ns3_now(const struct net *net)
{
    return static_cast<const Net *>(net)->simulation->NowNs();
}

uint64_t ns3_event_count(const struct net *net)
{
    return static_cast<const Net *>(net)->simulation->GetEventCount();
}

/* --- life ---------------------------------------------------------------------------------- */

void ns3_node_added(struct net *net, net_node)
{
    net_of(net)->hosts.push_back(nullptr);
}

bool &simulator_taken()
{
    static bool taken = false; /* ns3::Simulator is one a process */
    return taken;
}

void ns3_free(struct net *net)
{
    Net *n = net_of(net);
    for (Stream *s : n->streams) {
        s->tcp->stream = nullptr;
        delete s;
    }
    for (auto &host : n->hosts) {
        if (host == nullptr) {
            continue;
        }
        host->listeners.clear();
        host->ports.clear();
        host->tcp->Dispose();
        if (host->udp) {
            host->udp->Dispose();
        }
    }
    Simulator::Destroy();
    n->prototype = nullptr;
    n->wires.clear();
    n->cells.clear();
    n->hosts.clear();
    buf_fini(&n->out);
    buf_fini(&n->data);
    net_base_fini(net);
    delete n;
    simulator_taken() = false;
}

const struct net_ops ns3_ops = {
    "ns-3 3.37",       ns3_free,          ns3_now,          ns3_run,        ns3_stop,
    ns3_event_count,   ns3_timer_set,     ns3_timer_cancel, ns3_look_ahead, ns3_node_added,
    ns3_link_added,    nullptr,           ns3_deliver,      ns3_transmit,   ns3_listen,
    ns3_connect,       ns3_send,          ns3_close,        ns3_abort,      ns3_stream_stats,
    ns3_datagram_bind, ns3_datagram_send, nullptr,
};

Ptr<Tcp> make_prototype()
{
    Ptr<Tcp> tcp = ns3::CreateObject<Tcp>();
    tcp->SetRtt(ns3::CreateObject<ns3::RttMeanDeviation>());
    tcp->SetCongestionControlAlgorithm(ns3::CreateObject<ns3::TcpCubic>());
    tcp->SetRecoveryAlgorithm(ns3::CreateObject<ns3::TcpPrrRecovery>());
    tcp->Configure();
    return tcp;
}

} // namespace

int net_create_ns3(uint64_t seed, struct net **ret)
{
    if (simulator_taken()) {
        return -SIM_EEXIST;
    }
    simulator_taken() = true;
    static const bool resolution_set = [] {
        ns3::Time::SetResolution(ns3::Time::NS);
        return true;
    }();
    (void)resolution_set;
    Net *n = new Net{};
    net_base_init(n, &ns3_ops, seed);
    /* Nothing here draws from ns-3's streams; fixed all the same. */
    ns3::RngSeedManager::SetSeed(static_cast<uint32_t>(seed % 0x7ffffffe) + 1);
    n->simulation = ns3::CreateObject<Simulation>();
    Simulator::SetImplementation(n->simulation);
    n->prototype = make_prototype();
    *ret = n;
    return 0;
}
