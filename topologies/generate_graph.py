#!/usr/bin/env python3
"""Writes a random backbone as GraphML, for `import` of a scenario.

    python3 topologies/generate_graph.py [--model waxman|barabasi-albert] [--nodes N] [--seed N] ... >FILE.graphml

Routers lie anywhere in a rectangle of latitude and longitude; an edge has a rate, and its delay is left to the
distance of its ends. The same arguments give the same octets.

waxman           Each two routers are joined with probability alpha x exp(-d / (beta x D)), d their distance and D the
                 largest one (B. M. Waxman, Routing of multipoint connections, IEEE JSAC 6(9), 1988). What does not
                 hang together is then joined at the nearest two routers.
barabasi-albert  Each router joins `edges` others that are there already, drawn by how many edges they have
                 (A.-L. Barabasi, R. Albert, Emergence of scaling in random networks, Science 286, 1999).
"""
import argparse
import math
import random
import sys
from xml.sax.saxutils import quoteattr

EARTH_RADIUS_KM = 6371.0088
RATES = (1e9, 2.5e9, 10e9)


def distance_km(a, b):
    (lat_a, lon_a), (lat_b, lon_b) = [[math.radians(v) for v in p] for p in (a, b)]
    h = (math.sin((lat_b - lat_a) / 2) ** 2
         + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2)
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(h)))


def pick(draw, items):
    """One of a list. Of the random module only random() yields the same numbers in each version of Python."""
    return items[int(draw.random() * len(items))]


def place(draw, box):
    south, north, west, east = box
    return round(south + (north - south) * draw.random(), 4), round(west + (east - west) * draw.random(), 4)


def parts(count, edges):
    """The part that each node belongs to, by its smallest node."""
    part = list(range(count))

    def root(i):
        while part[i] != i:
            part[i] = part[part[i]]
            i = part[i]
        return i

    for a, b in edges:
        a, b = root(a), root(b)
        part[max(a, b)] = min(a, b)
    return [root(i) for i in range(count)]


def waxman(draw, places, alpha, beta):
    count = len(places)
    distance = [[distance_km(a, b) for b in places] for a in places]
    largest = max(max(row) for row in distance) or 1.0
    edges = [(i, k) for i in range(count) for k in range(i + 1, count)
             if draw.random() < alpha * math.exp(-distance[i][k] / (beta * largest))]
    while True:
        part = parts(count, edges)
        outside = [i for i in range(count) if part[i] != 0]
        if not outside:
            return sorted(edges)
        inside = [i for i in range(count) if part[i] == 0]
        _, a, b = min((distance[i][k], i, k) for i in inside for k in outside)
        edges.append((min(a, b), max(a, b)))


def barabasi_albert(draw, places, each):
    count = len(places)
    start = min(each + 1, count)
    edges = [(i, k) for i in range(start) for k in range(i + 1, start)]
    ends = [end for edge in edges for end in edge]  # a node stands here once for each of its edges
    for new in range(start, count):
        chosen = set()
        while len(chosen) < each:
            chosen.add(pick(draw, ends))
        for old in sorted(chosen):
            edges.append((old, new))
            ends += [old, new]
    return sorted(edges)


def write(out, arguments, places, edges, rates):
    name = f"{arguments.model}, {len(places)} routers, seed {arguments.seed}"
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n'
              '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
              f"  <desc>{name}; made by topologies/generate_graph.py</desc>\n"
              '  <key id="lat" for="node" attr.name="Latitude" attr.type="double"/>\n'
              '  <key id="lon" for="node" attr.name="Longitude" attr.type="double"/>\n'
              '  <key id="rate" for="edge" attr.name="LinkSpeedRaw" attr.type="double"/>\n'
              f'  <graph id={quoteattr(arguments.model)} edgedefault="undirected">\n')
    for i, (lat, lon) in enumerate(places, 1):
        out.write(f'    <node id="{i}"><data key="lat">{lat:.4f}</data><data key="lon">{lon:.4f}</data></node>\n')
    for (a, b), rate in zip(edges, rates):
        out.write(f'    <edge source="{a + 1}" target="{b + 1}"><data key="rate">{rate:.0f}</data></edge>\n')
    out.write("  </graph>\n</graphml>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["waxman", "barabasi-albert"], default="waxman")
    parser.add_argument("--nodes", type=int, default=40, help="routers (40)")
    parser.add_argument("--seed", type=int, default=1, help="of all draws (1)")
    parser.add_argument("--alpha", type=float, default=0.6, help="waxman: how many edges there are (0.6)")
    parser.add_argument("--beta", type=float, default=0.15, help="waxman: how long they are (0.15)")
    parser.add_argument("--edges", type=int, default=2, help="barabasi-albert: edges of a new router (2)")
    parser.add_argument("--box", type=float, nargs=4, default=[43.0, 55.0, -2.0, 20.0],
                        metavar=("SOUTH", "NORTH", "WEST", "EAST"), help="degrees (central Europe)")
    arguments = parser.parse_args()
    if arguments.nodes < 1 or not 1 <= arguments.edges:
        parser.error("at least one router, and one edge of a new one")
    draw = random.Random(arguments.seed)
    places = [place(draw, arguments.box) for _ in range(arguments.nodes)]
    if arguments.model == "waxman":
        edges = waxman(draw, places, arguments.alpha, arguments.beta)
    else:
        edges = barabasi_albert(draw, places, arguments.edges)
    write(sys.stdout, arguments, places, edges, [pick(draw, RATES) for _ in edges])


if __name__ == "__main__":
    main()
