/* What the tables of the format are written with: fields.c and fields_*.c alone include this. */
#ifndef SIM_SCENARIO_FIELDS_TABLE_H
#define SIM_SCENARIO_FIELDS_TABLE_H

#include "sim/scenario/fields.h"
#include "sim/scenario/scenario.h"

/* Where the value of a field is kept. */
#define AT(type, member) .offset = offsetof(struct type, member)
/* The fields of a section. */
#define FIELDS(f) .fields = (f), .count = SIM_ARRAY_LEN(f)
/* The longest times that make sense are told in years. */
#define YEAR_NS 31557600e9
/* Places lie within so many metres of the origin. */
#define FARTHEST 1e7

#endif
