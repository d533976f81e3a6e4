#include "tests/support/cpns_sample.h"

/* Every character class that an encoding could spoil: XML's own, line ends, two to four octets. */
static const char text[] = "a <b> & \"c\" 'd' ]]>\r\n\t \xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80";
static const char *const urns[] = {"urn:uuid:00000000-0000-5000-8000-000000000001",
                                   "urn:uuid:fedcba98-7654-5210-8fed-cba987654321"};
static const uint8_t octets[64] = {0, 1, 2, 0xff, 0x80, '<', '&', '\n', 0};

void cpns_sample_field(struct cpns_message *m, enum cpns_field field)
{
    const struct cpns_field_info *f = cpns_field_info(field);
    const char *value = f->urn ? urns[0] : f->values != NULL ? f->values[0] : text;
    switch (f->kind) {
    case CPNS_TEXT:
        cpns_set_text(m, field, value);
        break;
    case CPNS_INTEGER:
        cpns_set_integer(m, field, f->integers != NULL ? f->integers[0] : f->max);
        break;
    case CPNS_BYTES:
        cpns_set_bytes(m, field, span_of(octets, f->min != 0 ? (size_t)f->min : 31));
        break;
    case CPNS_TEXT_LIST:
        cpns_add_text(m, field, span_of_str(value));
        cpns_add_text(m, field, span_of_str(f->urn ? urns[1] : value));
        break;
    }
}

void cpns_sample(struct cpns_message *m, enum cpns_type type, enum cpns_sample_extent extent)
{
    cpns_message_init(m, type);
    const struct cpns_type_info *info = cpns_type_info(type);
    for (unsigned i = 0; i < CPNS_FIELD_COUNT; i++) {
        if (info->presence[i] == CPNS_REQUIRED ||
            (info->presence[i] == CPNS_OPTIONAL && extent == CPNS_SAMPLE_ALL)) {
            cpns_sample_field(m, (enum cpns_field)i);
        }
    }
}
