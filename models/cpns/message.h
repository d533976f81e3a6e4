/* CPNS messages: one table of fields, from which both encodings, their checks and the documentation
 * are made.
 *
 * Names and sources: cpns-model.md section 3. A message is its envelope and a set of fields; what a
 * type must and may carry is the table's business, so encoding and decoding cannot drift apart. */
#ifndef MODELS_CPNS_MESSAGE_H
#define MODELS_CPNS_MESSAGE_H

#include "sim/core/base.h"
#include "sim/core/buf.h"

enum cpns_type {
    CPNS_ENTITY_DISCOVERY_REQUEST,
    CPNS_ENTITY_DISCOVERY_RESPONSE,
    CPNS_PN_ESTABLISHMENT_REQUEST,
    CPNS_PN_ESTABLISHMENT_RESPONSE,
    CPNS_PN_CONNECTION_REQUEST,
    CPNS_PN_CONNECTION_RESPONSE,
    CPNS_PN_CONNECTION_REJECT,
    CPNS_PN_CONNECTION_FORWARDED,
    CPNS_REGISTRATION_REQUEST,
    CPNS_REGISTRATION_RESPONSE,
    CPNS_AUTHENTICATION_REQUEST,
    CPNS_AUTHENTICATION_RESPONSE,
    CPNS_AUTHENTICATION_RESULT,
    CPNS_SERVICE_ACCESS_REQUEST,
    CPNS_SERVICE_ACCESS_RESPONSE,
    CPNS_SG_CREATE_REQUEST,
    CPNS_SG_CREATE_RESPONSE,
    CPNS_SG_JOIN_REQUEST,
    CPNS_SG_JOIN_RESPONSE,
    CPNS_SG_MEMBER_CHANGE,
    CPNS_SG_MESSAGE,
    CPNS_PN_RELEASE_REQUEST,
    CPNS_PN_RELEASE_RESPONSE,
    CPNS_PN_RELEASE_NOTIFICATION,
    CPNS_KEEP_ALIVE,
    CPNS_SERVICE_REGISTRATION_REQUEST,
    CPNS_SERVICE_REGISTRATION_RESPONSE,
    CPNS_SERVICE_SEARCH_REQUEST,
    CPNS_SERVICE_SEARCH_RESPONSE,
    CPNS_OWNER_CONFIRMATION_REQUEST,
    CPNS_OWNER_CONFIRMATION_RESPONSE,
    CPNS_USER_REGISTRATION_REQUEST,
    CPNS_USER_REGISTRATION_RESPONSE,
    CPNS_INSTALLATION_REQUEST,
    CPNS_INSTALLATION_TRIGGER,
    CPNS_INSTALLATION_RESPONSE,
    CPNS_KEY_ASSIGNMENT_REQUEST,
    CPNS_KEY_ASSIGNMENT_RESPONSE,
    CPNS_PNE_PROVISIONING_REQUEST,
    CPNS_PNE_PROVISIONING_RESPONSE,
    CPNS_PNE_PROVISIONING,
    CPNS_PNE_PROVISIONING_RESULT,
    CPNS_DEVICE_CAPABILITIES_REQUEST,
    CPNS_DEVICE_CAPABILITIES_RESPONSE,
    CPNS_SG_DISCOVERY_REQUEST,
    CPNS_SG_DISCOVERY_RESPONSE,
    CPNS_SG_MEMBER_INFO,
    CPNS_SG_MEMBER_INFO_RESPONSE,
    CPNS_SG_ADMIN_INFO,
    CPNS_SG_ADMIN_INFO_RESPONSE,
    CPNS_SG_INVITE_REQUEST,
    CPNS_SG_INVITE_RESPONSE,
    CPNS_SG_LEAVE_REQUEST,
    CPNS_SG_LEAVE_RESPONSE,
    CPNS_SG_DELETE_REQUEST,
    CPNS_SG_DELETE_RESPONSE,
    CPNS_SG_OWNER_TRANSFER_REQUEST,
    CPNS_SG_OWNER_TRANSFER_RESPONSE,
    CPNS_SG_OWNER_CHANGE,
    CPNS_SG_KEY_UPDATE,
    CPNS_SG_KEY_UPDATE_RESPONSE,
    CPNS_GW_SWITCH_REQUEST,
    CPNS_GW_SWITCH_RESPONSE,
    CPNS_GW_CHANGE,
    CPNS_PN_ADD_DEVICE,
    CPNS_PN_ADD_DEVICE_RESPONSE,
    CPNS_PN_LEAVE,
    CPNS_PN_LEAVE_RESPONSE,
    CPNS_BRIDGE_SETUP_REQUEST,
    CPNS_BRIDGE_SETUP_RESPONSE,
    CPNS_DISCOVERY_EXECUTION_REQUEST,
    CPNS_DISCOVERY_EXECUTION_RESPONSE,
    CPNS_ADMIN_ASSIGN,
    CPNS_ADMIN_ASSIGN_RESPONSE,
    CPNS_ADMINEE_CHANGE,
    CPNS_ADMINEE_CHANGE_RESPONSE,
    CPNS_PN_USAGE_INFO_CREATE_REQUEST,
    CPNS_PN_USAGE_INFO_CREATE_RESPONSE,
    CPNS_BATTERY_INDICATION,
    CPNS_BATTERY_INDICATION_RESPONSE,
    CPNS_BATTERY_QUERY,
    CPNS_BATTERY_QUERY_RESPONSE,
    CPNS_SWITCH_INSTRUCTION,
    CPNS_SWITCH_INSTRUCTION_RESPONSE,
    CPNS_WAKE_UP,
    CPNS_WAKE_UP_RESPONSE,
    CPNS_ZONE_ANNOUNCEMENT,
    CPNS_ZONE_INFO_REQUEST,
    CPNS_ZONE_INFO_RESPONSE,
    CPNS_INVENTORY_UPDATE,
    CPNS_INVENTORY_UPDATE_RESPONSE,
    CPNS_SG_KEY_REQUEST,
    CPNS_SG_KEY_RESPONSE,
    CPNS_TYPE_COUNT
};

/* A new field goes at the end, with the next key: CBOR writes fields in this order (README.md). */
enum cpns_field {
    /* envelope */
    CPNS_VERSION,          /* text "1.0" */
    CPNS_TRANSACTION_ID,   /* integer */
    CPNS_ORIGIN_ENTITY_ID, /* text, urn:uuid */
    CPNS_TARGET_ID,        /* text, urn:uuid of an entity, a PN or a Service Group */
    CPNS_PN_ID,            /* text, optional everywhere */
    CPNS_SG_ID,            /* text, optional everywhere */
    CPNS_TIMESTAMP,        /* integer, microseconds of virtual time */
    CPNS_HOP_LIMIT,        /* integer, 1 to 255 */
    CPNS_STATUS,           /* integer: 200 202 400 401 403 404 408 409 410 429 503 504; responses */
    /* bodies */
    CPNS_MODE,                /* text: pne, pn_gw, both */
    CPNS_NETWORK,             /* text: technology of the link */
    CPNS_ESTABLISHMENT_TYPE,  /* integer 1, 2, 3 */
    CPNS_PNE_INFO,            /* text: device name */
    CPNS_PNE_ID,              /* text list, urn:uuid */
    CPNS_PN_NAME,             /* text */
    CPNS_GATEWAY_ID,          /* text */
    CPNS_CONSENT,             /* integer 0, 1 */
    CPNS_REASON,              /* text */
    CPNS_LEASE,               /* integer, seconds */
    CPNS_CHALLENGE,           /* bytes */
    CPNS_ANSWER,              /* bytes */
    CPNS_PN_LIST,             /* text list of PN ID */
    CPNS_SERVICE_ID,          /* text */
    CPNS_SERVICE_NAME,        /* text */
    CPNS_PAYLOAD,             /* bytes */
    CPNS_SG_NAME,             /* text */
    CPNS_OWNER_ID,            /* text */
    CPNS_JOINING_POLICY,      /* text: open, closed */
    CPNS_MEMBER_ID,           /* text list */
    CPNS_CHANGE,              /* text: joined, left, invited, removed, created, updated, deleted */
    CPNS_OPENNESS,            /* text: public, group, pn, private */
    CPNS_CONTENT,             /* text */
    CPNS_CONFIRMING_ID,       /* text, urn:uuid of a PNE */
    CPNS_KEYWORD,             /* text */
    CPNS_FOUND_SERVICE_ID,    /* text list; PROVIDER_ID has as many items */
    CPNS_PROVIDER_ID,         /* text list of PNE ID */
    CPNS_FOUND_SG_ID,         /* text list of SG ID */
    CPNS_CANDIDATE_ID,        /* text, urn:uuid of a PNE */
    CPNS_ACCEPT,              /* integer 0, 1 */
    CPNS_USER_ID,             /* text, sip: style URI */
    CPNS_USER_INFO,           /* text */
    CPNS_SERIAL_NUMBER,       /* text, SN_PNE */
    CPNS_AUTHENTICATION_DATA, /* bytes */
    CPNS_SEALED_VALUE,        /* bytes: nonce, ciphertext, tag */
    CPNS_SEALED_KEY,          /* bytes: nonce, ciphertext, tag */
    CPNS_KEY_EPOCH,           /* integer */
    CPNS_BATTERY_LEVEL,       /* integer, percent */
    CPNS_USAGE_INDEX,         /* integer */
    CPNS_ALIAS,               /* text */
    CPNS_EXPIRY,              /* integer, seconds; 0 deletes */
    CPNS_STORE,               /* integer 0, 1 */
    CPNS_LOCATION,            /* text */
    CPNS_CAPABILITY,          /* text list */
    CPNS_TAILORED_INFO,       /* text */
    CPNS_ADMIN_ID,            /* text, urn:uuid of a PNE */
    CPNS_ADMINEE_ID,          /* text list of PNE ID */
    CPNS_FOUND_DEVICE_ID,     /* text list of entity ID */
    CPNS_FOUND_PN_ID,         /* text list of PN ID */
    CPNS_FOUND_NETWORK,       /* text list: technologies */
    CPNS_OLD_GATEWAY_ID,      /* text */
    CPNS_NEW_GATEWAY_ID,      /* text */
    CPNS_CAPABLE_ID,          /* text list of PNE ID */
    CPNS_OBJECT_ID,           /* text */
    CPNS_ZONE_SUPPORT,        /* integer 0, 1 */
    CPNS_ZONE_ID,             /* text */
    CPNS_PEER_PN_ID,          /* text, urn:uuid of a PN */
    CPNS_PEER_GATEWAY_ID,     /* text, urn:uuid of a gateway */
    CPNS_BRIDGE_ID,           /* text list of PNE ID */
    CPNS_SERVER_ID,           /* text, urn:uuid of a server */
    CPNS_INVENTORY,           /* text: personal_network, service_group, service, gateway, user */
    CPNS_SEQUENCE,            /* integer */
    CPNS_FIELD_COUNT
};

enum cpns_field_kind { CPNS_TEXT, CPNS_INTEGER, CPNS_BYTES, CPNS_TEXT_LIST };
enum cpns_presence { CPNS_ABSENT, CPNS_OPTIONAL, CPNS_REQUIRED };

struct cpns_field_info {
    const char *name; /* XML element, "OriginEntityID" */
    uint8_t key;      /* CBOR map key; ascending with enum cpns_field; 0 is the message type */
    enum cpns_field_kind kind;
    int64_t min, max;          /* of an integer; of text, bytes and list items: octets */
    const int64_t *integers;   /* allowed integers, 0-terminated, or NULL: all from min to max */
    const char *const *values; /* allowed texts, NULL-terminated, or NULL */
    bool urn;                  /* text or items are "urn:uuid:" and 36 octets in lower case */
    const char *doc;
    /* What cpns_encode() and cpns_decode() say in `why`. */
    const char *missing, *misplaced, *repeated, *invalid;
};

struct cpns_type_info {
    const char *name;                   /* "PNEstablishmentRequest": what the results call it */
    uint8_t code;                       /* CBOR's value of the message type */
    const char *path;                   /* "P->G" */
    const char *source;                 /* "US9301122" */
    bool response;                      /* carries Status */
    uint8_t presence[CPNS_FIELD_COUNT]; /* enum cpns_presence */
    const char *doc;
};

const struct cpns_field_info *cpns_field_info(enum cpns_field field);
/* CPNS_TYPE_COUNT gives the entry of a message whose type could not be read, named "unknown". */
const struct cpns_type_info *cpns_type_info(enum cpns_type type);

/* A value; text and bytes are borrowed from whoever set them, or owned by the message after
 * decoding. */
struct cpns_value {
    bool set;
    int64_t integer;
    struct span bytes; /* text (UTF-8, no NUL inside) or bytes */
    struct span *list; /* text list */
    size_t list_count;
    size_t list_capacity;
};

enum { CPNS_FIELD_WORDS = (CPNS_FIELD_COUNT + 63) / 64 };

struct cpns_message {
    enum cpns_type type;
    uint64_t used[CPNS_FIELD_WORDS];  /* bits of the fields that were ever set */
    uint64_t fresh[CPNS_FIELD_WORDS]; /* of those that were set since a check of what was decoded */
    struct cpns_value fields[CPNS_FIELD_COUNT]; /* not cleared where never set: cpns_value() */
    struct buf storage;                         /* decoded octets */
};

/* An empty message of `type`; Version is set, everything else is for the caller to set. */
void cpns_message_init(struct cpns_message *m, enum cpns_type type);
void cpns_message_fini(struct cpns_message *m);

/* The kind of the field must be the setter's (cpns_set_span() sets text); a second call replaces
 * the value, cpns_add_text() adds an item to a list. Octets are borrowed until the message is
 * encoded. */
void cpns_set_text(struct cpns_message *m, enum cpns_field field, const char *text);
void cpns_set_span(struct cpns_message *m, enum cpns_field field, struct span text);
void cpns_set_integer(struct cpns_message *m, enum cpns_field field, int64_t value);
void cpns_set_bytes(struct cpns_message *m, enum cpns_field field, struct span bytes);
void cpns_add_text(struct cpns_message *m, enum cpns_field field, struct span text);

/* A list without items, which no message may have: for what a peer sends. */
void cpns_set_empty_list(struct cpns_message *m, enum cpns_field field);

bool cpns_has(const struct cpns_message *m, enum cpns_field field);
/* The first field from `from` on that is set, CPNS_FIELD_COUNT when there is none. */
enum cpns_field cpns_next_field(const struct cpns_message *m, unsigned from);
struct span cpns_text(const struct cpns_message *m, enum cpns_field field);  /* empty when absent */
int64_t cpns_integer(const struct cpns_message *m, enum cpns_field field);   /* 0 when absent */
struct span cpns_bytes(const struct cpns_message *m, enum cpns_field field); /* empty when absent */
/* The value of any field, one that is not set and has no items when it is absent. */
const struct cpns_value *cpns_value(const struct cpns_message *m, enum cpns_field field);
/* Item `index` of a text list of cpns_value(m, field)->list_count items. */
struct span cpns_item(const struct cpns_message *m, enum cpns_field field, size_t index);
/* Same type, same fields set, same values. */
bool cpns_message_equal(const struct cpns_message *a, const struct cpns_message *b);

/* The octet of the stream framing that names the encoding. */
enum cpns_encoding { CPNS_XML = 1, CPNS_CBOR = 2 };

/* What both directions hold a message against: presence by type, ranges, allowed values, UTF-8
 * without the characters that XML cannot carry. 0 or -SIM_EINVAL and `why` (static storage; may be
 * NULL). */
int cpns_check(const struct cpns_message *m, const char **why);

/* -SIM_EINVAL: a required field is missing, a field is not of this type or a value is out of range
 * (a bug of the caller, told in `why` when not NULL; static storage), or the result is beyond
 * CPNS_MESSAGE_MAX_BYTES. Appends to `out`, which is unchanged on failure. */
int cpns_encode(const struct cpns_message *m, enum cpns_encoding encoding, struct buf *out,
                const char **why);
/* -SIM_EBADMSG: not well-formed, unknown type, a required field missing, an unknown or repeated
 * field, a value out of range; `why` as above. Initialises `*m` in any case; the caller calls
 * cpns_message_fini(). The message owns copies; `in` may go away. After a failure `*m` holds what
 * was read before the fault (type CPNS_TYPE_COUNT when that was not read), good for a log and not
 * for more. */
int cpns_decode(struct span in, enum cpns_encoding encoding, struct cpns_message *m,
                const char **why);

/* The same for a message that ends before `in` does: it may point into it. */
int cpns_decode_borrowed(struct span in, enum cpns_encoding encoding, struct cpns_message *m,
                         const char **why);

enum { CPNS_MESSAGE_MAX_BYTES = 1 << 20 };

#endif
