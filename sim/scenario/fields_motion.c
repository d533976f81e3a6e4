/* Where nodes are and how they move. The models are those that ns-3 has under the names given in
 * the sentences; come-and-go is ours. */
#include "sim/scenario/fields_table.h"

const char *const words_mobility[] = {"waypoints", "random-waypoint", "come-and-go", NULL};
static const char *const words_first[] = {"present", "absent", NULL};

/* --- position ------------------------------------------------------------------------------ */

static const struct field disc_fields[] = {
    {"centre", FIELD_PLACE, AT(raw_node, centre), .fallback = "[0 m, 0 m]", .min = -FARTHEST,
     .max = FARTHEST, .doc = "Centre."},
    {"radius", FIELD_LENGTH, AT(raw_node, radius), .required = true, .max = FARTHEST,
     .doc = "Radius."},
};
static const struct section section_disc = {
    .name = "disc",
    .title = "disc",
    FIELDS(disc_fields),
    .doc = "Each copy anywhere in a disc, evenly by area (ns-3: UniformDiscPositionAllocator)."};

static const struct field grid_fields[] = {
    {"origin", FIELD_PLACE, AT(raw_node, origin), .fallback = "[0 m, 0 m]", .min = -FARTHEST,
     .max = FARTHEST, .doc = "Where copy 1 stands."},
    {"step", FIELD_PLACE, AT(raw_node, step), .required = true, .min = -FARTHEST, .max = FARTHEST,
     .doc = "Distance to the next copy of the row, and to the next row; a third length is not "
            "taken."},
    {"columns", FIELD_INTEGER, AT(raw_node, columns), .required = true, .min = 1, .max = 1e6,
     .doc = "Copies in a row."},
};
static const struct section section_grid = {
    .name = "grid",
    .title = "grid",
    FIELDS(grid_fields),
    .doc = "Copies row by row (ns-3: GridPositionAllocator, RowFirst)."};

static const struct field even_fields[] = {
    {"x", FIELD_EXTENT, AT(raw_node, even_x), .required = true, .min = -FARTHEST, .max = FARTHEST,
     .doc = "From and to along x."},
    {"y", FIELD_EXTENT, AT(raw_node, even_y), .required = true, .min = -FARTHEST, .max = FARTHEST,
     .doc = "From and to along y."},
};
static const struct section section_even = {
    .name = "uniform",
    .title = "rectangle",
    FIELDS(even_fields),
    .doc = "Each copy anywhere in a rectangle (ns-3: RandomRectanglePositionAllocator)."};

static const struct field position_fields[] = {
    {"at", FIELD_PLACE, AT(raw_node, place), .min = -FARTHEST, .max = FARTHEST,
     .doc = "This place, all copies at the same."},
    {"disc", FIELD_MAP, AT(raw_node, disc), .section = &section_disc, .doc = "Anywhere in a disc."},
    {"grid", FIELD_MAP, AT(raw_node, grid), .section = &section_grid, .doc = "Row by row."},
    {"uniform", FIELD_MAP, AT(raw_node, even), .section = &section_even,
     .doc = "Anywhere in a rectangle."},
};
const struct section section_position = {
    .name = "position",
    .title = "position",
    FIELDS(position_fields),
    .shorthand = "at",
    .doc = "Place at the start: one of the keys, or the place itself, `position: [12 m, 3 m]`. "
           "Draws are from a stream of the node's own.",
    .example = "nodes:\n"
               "  - {id: srv, role: server}\n"
               "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}, position: [0 m, 0 m, 3 "
               "m]}\n"
               "  - {id: bed, role: pne, count: 12, attach: {to: gw, link: ble},\n"
               "     position: {grid: {origin: [-8 m, 2 m], step: [3 m, 4 m], columns: 6}}}\n"
               "  - {id: visitor, role: pne, count: 5, attach: {to: gw, link: ble},\n"
               "     position: {disc: {centre: [0 m, 0 m], radius: 40 m}}}\n"};

/* --- mobility ------------------------------------------------------------------------------ */

static const struct field waypoint_fields[] = {
    {"at", FIELD_TIME, AT(raw_waypoint, at), .required = true, .max = 100 * YEAR_NS,
     .doc = "When it is there."},
    {"to", FIELD_PLACE, AT(raw_waypoint, to), .required = true, .min = -FARTHEST, .max = FARTHEST,
     .doc = "The place."},
};
static const struct section section_waypoint = {
    .name = "points",
    .title = "point",
    FIELDS(waypoint_fields),
    .bytes = sizeof(struct raw_waypoint),
    .doc = "Times and places, in order of time. Before the first point a node without position "
           "stands there, one with a position goes there; after the last it stays. The same place "
           "twice is a halt."};

static const struct field area_fields[] = {
    {"x", FIELD_EXTENT, AT(raw_node, area_x), .required = true, .min = -FARTHEST, .max = FARTHEST,
     .doc = "From and to along x."},
    {"y", FIELD_EXTENT, AT(raw_node, area_y), .required = true, .min = -FARTHEST, .max = FARTHEST,
     .doc = "From and to along y."},
};
static const struct section section_area = {
    .name = "area",
    .title = "area",
    FIELDS(area_fields),
    .doc = "Rectangle in which places are drawn; the height stays that of the position."};

static const struct field mobility_fields[] = {
    {"model", FIELD_WORD, AT(raw_node, model), .required = true, .words = words_mobility,
     .doc = "From point to point (ns-3: WaypointMobilityModel), to places drawn "
            "(RandomWaypointMobilityModel), or present and absent in turn without moving."},
    {"points", FIELD_LIST, AT(raw_node, points), .section = &section_waypoint,
     .doc = "waypoints: required, the points."},
    {"area", FIELD_MAP, AT(raw_node, area), .section = &section_area,
     .doc = "random-waypoint: required, where; a node without position begins at a place drawn "
            "there."},
    {"speed", FIELD_SPEED_DIST, AT(raw_node, speed), .max = 1e5,
     .doc = "random-waypoint: required, a draw for each way; draws under 1 mm/s count as that."},
    {"pause", FIELD_TIME_DIST, AT(raw_node, pause), .max = 100 * YEAR_NS,
     .doc = "random-waypoint: how long it stands at each place reached; no time without it."},
    {"present", FIELD_TIME_DIST, AT(raw_node, present_for), .max = 100 * YEAR_NS,
     .doc = "come-and-go: required, how long it stays, a draw each time."},
    {"absent", FIELD_TIME_DIST, AT(raw_node, absent_for), .max = 100 * YEAR_NS,
     .doc = "come-and-go: required, how long it is away, a draw each time. All its links are down "
            "then."},
    {"first", FIELD_WORD, AT(raw_node, first), .words = words_first,
     .doc = "come-and-go: how it begins; present without it."},
};
const struct section section_mobility = {
    .name = "mobility",
    .title = "mobility",
    FIELDS(mobility_fields),
    .doc = "How a node moves. Links whose ends drift out of range are down until they are back; "
           "the times are computed, not sampled.",
    .example =
        "nodes:\n"
        "  - {id: srv, role: server}\n"
        "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}, position: [0 m, 0 m]}\n"
        "  - {id: nurse, role: pne, attach: {to: gw, link: ble},\n"
        "     mobility: {model: waypoints, points: [{at: 0 s, to: [5 m, 0 m]}, {at: 60 s, to: [80 "
        "m, 0 m]}]}}\n"
        "  - {id: robot, role: pne, count: 3, attach: {to: gw, link: ble},\n"
        "     mobility: {model: random-waypoint, area: {x: [0 m, 90 m], y: [0 m, 40 m]},\n"
        "                speed: {uniform: [0.5 m/s, 2 m/s]}, pause: {uniform: [0 s, 30 s]}}}\n"
        "  - {id: patch, role: pne, count: 8, attach: {to: gw, link: ble},\n"
        "     mobility: {model: come-and-go, present: {exponential: 60 s}, absent: {exponential: "
        "20 "
        "s}}}\n"};
