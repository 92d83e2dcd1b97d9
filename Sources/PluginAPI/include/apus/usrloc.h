/*
 * apus/usrloc.h - where users can be reached: tables of registered contacts (RFC 3261 section 10), for modules that fill, ask or follow them.
 * Published by usrloc.so under the id "usrloc/1".
 *
 *   static const usrloc_api *ul;
 *   static usrloc_table *table;
 *   static int start(const apus_host *h) {                        // .needs = "usrloc/1"
 *       ul = load_usrloc(h);
 *       table = ul ? ul->register_table(h, APUS_STR("location")) : NULL;   // its rows are loaded here
 *       return table ? APUS_TRUE : APUS_FALSE;
 *   }
 *   static int found(const apus_call *c, int status, const usrloc_record *r, void *user) {
 *       if (status != APUS_OK || r->count == 0) return APUS_FALSE;
 *       return c->host->message->set_request_uri(c->msg, r->contacts[0].uri);
 *   }
 *   static int reach(const apus_call *c) {                        // a function with APUS_MAY_SUSPEND
 *       usrloc_query q = { APUS_STRUCT(usrloc_query), .aor = c->args[0].str };
 *       return ul->lookup(c, table, &q, found, NULL);
 *   }
 *
 * A table maps an address of record, a text that whoever registers has made canonical (user, or user@host with use_domain), to
 * contacts. What is read is copied: no lock is held while a callback runs, and nothing that is given changes afterwards.
 *
 * Time: all times are seconds since 1970. A contact is over from the second `expires` on, and is not shown from then on.
 *
 * Where the rows are (db_mode): with 0, 2 and 4 everything is done in memory at once. With 1 and 3 a change is done when its rows are
 * written, and with 3 a lookup asks the database: then `lookup` and `change` suspend the run of the script.
 */
#ifndef APUS_USRLOC_H
#define APUS_USRLOC_H

#include <apus/module.h>

#ifdef __cplusplus
extern "C" {
#endif

#define USRLOC_API "usrloc/1"

/* A table of contacts. For ever, at one address. */
typedef struct usrloc_table usrloc_table;

/* How a lookup or a change ends, beside APUS_OK and what a database answers: APUS_TIMED_OUT, APUS_CANCELLED, APUS_FAILED, APUS_BUSY, APUS_DB_.... */
enum {
    /* The CSeq is lower than the one the binding has of this Call-ID, or equal and it is longer ago than cseq_delay: nothing was changed. */
    USRLOC_OUT_OF_ORDER = 64,
    USRLOC_TOO_MANY = 65, /* there would be more than max_contacts, or than a table takes for one address: nothing was changed */
    USRLOC_TOO_LONG = 66, /* a text is longer than USRLOC_LONGEST_..., or the contact has no URI: nothing was changed */
};

/* Bytes at most. Of a longer User-Agent the first 255 are kept. */
enum {
    USRLOC_LONGEST_AOR = 256,
    USRLOC_LONGEST_URI = 1024,      /* uri, received, path each */
    USRLOC_LONGEST_CALL_ID = 255,
    USRLOC_LONGEST_INSTANCE = 255,
    USRLOC_LONGEST_RUID = 64,
    USRLOC_LONGEST_USER_AGENT = 255,
    USRLOC_LONGEST_ATTRIBUTES = 2048,
};

/* Whether the row of a contact is written. */
enum {
    USRLOC_NEW = 1,   /* there is none yet */
    USRLOC_SYNC = 2,  /* it is as the contact is; also where no rows are written at all */
    USRLOC_DIRTY = 3, /* it is older */
};

/* Methods, as they stand in the column `methods` of other servers' tables, too. */
enum {
    USRLOC_METHOD_INVITE = 1u << 0,
    USRLOC_METHOD_CANCEL = 1u << 1,
    USRLOC_METHOD_ACK = 1u << 2,
    USRLOC_METHOD_BYE = 1u << 3,
    USRLOC_METHOD_INFO = 1u << 4,
    USRLOC_METHOD_REGISTER = 1u << 5,
    USRLOC_METHOD_SUBSCRIBE = 1u << 6,
    USRLOC_METHOD_NOTIFY = 1u << 7,
    USRLOC_METHOD_MESSAGE = 1u << 8,
    USRLOC_METHOD_OPTIONS = 1u << 9,
    USRLOC_METHOD_PRACK = 1u << 10,
    USRLOC_METHOD_UPDATE = 1u << 11,
    USRLOC_METHOD_REFER = 1u << 12,
    USRLOC_METHOD_PUBLISH = 1u << 13,
    USRLOC_METHOD_KDMQ = 1u << 14,
    USRLOC_METHOD_OTHER = 1u << 19, /* any other one */
};

/* All methods: of a contact that does not say which it supports. */
#define USRLOC_ALL_METHODS 0xffffffffu

/* One contact. Absent texts are empty. */
typedef struct usrloc_contact {
    uint32_t size;
    int32_t q;           /* thousandths, or APUS_NO_Q */
    apus_str uri;        /* as it was registered, without < > */
    apus_str received;   /* a URI: where the REGISTER really came from; empty: `uri` leads there */
    apus_str path;       /* Route values (RFC 3327) */
    apus_str call_id;
    apus_str user_agent;
    apus_str instance;   /* +sip.instance, without quotes: <urn:uuid:...> */
    apus_str ruid;       /* names the contact for ever; in a change empty: a new contact gets one */
    apus_str socket;     /* of ours, that the REGISTER came to: "udp:192.0.2.1:5060" */
    const apus_listener *APUS_NULLABLE listener; /* the same; null when it is none of this server's. In a change either suffices */
    int64_t expires;     /* 0: never */
    int64_t last_modified; /* 0 in a change: now */
    uint64_t connection; /* apus_destination.connection of the REGISTER; 0: none */
    uint32_t cseq;
    uint32_t flags;      /* of the table's owner: kept, shown, written */
    uint32_t cflags;     /* branch flags */
    uint32_t methods;    /* bits USRLOC_METHOD_...; USRLOC_ALL_METHODS */
    uint32_t reg_id;     /* RFC 5626; 0: none */
    uint32_t server_id;  /* in a change 0: this server's */
    uint32_t state;      /* USRLOC_NEW ...; not read in a change */
    uint32_t keepalive;  /* 1: it is to be pinged */
    int64_t last_keepalive; /* when it last answered a ping, or was registered */
    uint32_t round_trip; /* of that ping, microseconds; 0: not known */
    uint32_t is_memory_only; /* 1: it is not written (USRLOC_MEMORY_ONLY) */
    /*
     * What a script has put on it (xavp_contact): one after the other a byte, 'i' for a number or 's' for a text, the name, a NUL, the value, numbers in
     * decimal, and a NUL. An update without any takes those away that were there.
     */
    apus_str attributes;
} usrloc_contact;

/* The contacts of one address of record: best q first, those without one last; equal ones, and with desc_time_order all, newest first. */
typedef struct usrloc_record {
    uint32_t size;
    uint32_t count;
    const usrloc_contact *APUS_NULLABLE contacts;
    apus_str aor;
    usrloc_table *APUS_NONNULL table;
    uint64_t hash; /* of the aor: names it, with a ruid, until the server ends. Hard to guess */
} usrloc_record;

/* usrloc_query.flags */
enum {
    USRLOC_EXPIRED_TOO = 1u << 0, /* contacts that are over and not removed yet (rm_expired_delay) */
};

/* Which contacts are wanted: those of `aor`; or, when that has a null s, the one with that hash and ruid. With db_mode 3 only by aor. */
typedef struct usrloc_query {
    uint32_t size;
    uint32_t flags;
    apus_str aor;
    apus_str ruid; /* with an aor: only the contact of that ruid; empty: all */
    uint64_t hash;
} usrloc_query;

/* What is done with one contact. */
enum {
    USRLOC_PUT = 1,  /* the binding it matches is updated, else it is inserted */
    USRLOC_DROP = 2, /* the binding it matches is deleted; if there is none, nothing is */
};

/*
 * One contact of a change. Of those that are there it matches the one with the same instance and reg_id, when it has both (RFC 5626 section
 * 6); else by matching_mode: 0 equal URIs (RFC 3261 section 19.1.4), 1 and equal Call-IDs, 2 and equal paths, 3 equal Call-IDs only. A
 * USRLOC_DROP without uri and call_id matches by ruid. An expired contact is not there.
 */
typedef struct usrloc_edit {
    uint32_t kind; /* USRLOC_PUT, USRLOC_DROP */
    uint32_t reserved;
    usrloc_contact contact;
} usrloc_edit;

/* usrloc_change.flags */
enum {
    USRLOC_MEMORY_ONLY = 1u << 0, /* what is put is not written to the database */
    USRLOC_ONLY_THESE = 1u << 1,  /* contacts that no edit matches are deleted, without regard to their order */
    USRLOC_ALL = 1u << 2,         /* all contacts are deleted, in the order of call_id and cseq: `Contact: *` */
    USRLOC_UNORDERED = 1u << 3,   /* Call-ID and CSeq are not looked at: an operator's change */
};

/*
 * One change of one address of record: all of its edits are done, or none. A binding that has the edit's Call-ID and a higher CSeq makes the
 * change fail; one with an equal CSeq that was written less than cseq_delay seconds ago is left as it is (a retransmission). Changes of
 * one address are done one after the other, whichever workers they come from.
 */
typedef struct usrloc_change {
    uint32_t size;
    uint32_t flags;
    apus_str aor;
    const usrloc_edit *APUS_NULLABLE edits;
    uint32_t count;
    uint32_t max_contacts; /* after the change, if it inserts any; 0: what the table takes */
    apus_str call_id;      /* with USRLOC_ALL */
    uint32_t cseq;
    uint32_t reserved;
} usrloc_change;

/* What has come of a change. */
typedef struct usrloc_outcome {
    uint32_t size;
    int32_t status;                          /* APUS_OK, USRLOC_... */
    uint32_t inserted, updated, deleted;     /* contacts; all 0 when it is not APUS_OK */
    uint32_t repeated;                       /* bindings left as they were: the request was a retransmission */
    uint32_t edit;                           /* of a failure: at which edit */
    uint32_t reserved;
    const usrloc_record *APUS_NULLABLE record; /* the contacts there are now, whatever the status; null when that is not known, or memory is out */
    apus_str text;                           /* of a failure: why, for logs */
} usrloc_outcome;

/* What becomes of contacts, as bits. */
enum {
    USRLOC_INSERTED = 1u << 0,
    USRLOC_UPDATED = 1u << 1,
    USRLOC_DELETED = 1u << 2, /* by a change */
    USRLOC_EXPIRED = 1u << 3, /* its time is over: once for each contact, no USRLOC_DELETED comes then */
};

/* Lives for the *call*. */
typedef struct usrloc_event {
    uint32_t size;
    uint32_t kind; /* one USRLOC_INSERTED ... */
    const apus_host *APUS_NONNULL host; /* of the module that registered */
    usrloc_table *APUS_NONNULL table;
    apus_str aor;
    uint64_t hash;
    const usrloc_contact *APUS_NONNULL contact; /* as it is now; of a deleted or expired one as it was */
    void *APUS_NULLABLE user;
} usrloc_event;

/* How the module was set up: the parameters of these names. */
typedef struct usrloc_settings {
    uint32_t size;
    uint32_t db_mode;
    uint32_t use_domain;
    uint32_t matching_mode;
    uint32_t cseq_delay;   /* seconds */
    uint32_t desc_time_order;
    int32_t nat_bflag;     /* number of a branch flag; -1: unset */
    uint32_t server_id;
    apus_str xavp_contact; /* *for ever* */
} usrloc_settings;

/* A walk over a table, slice by slice: all 0 but size and what is wanted, then as `visit` leaves it. */
typedef struct usrloc_visit {
    uint32_t size;
    uint32_t limit;      /* addresses of record looked at in a slice, about; 0: 200 */
    uint32_t cflags;     /* contacts with one of these bits only; 0: all */
    uint32_t part, parts; /* only that part, from 0, of so many about equal ones, by address of record; parts 0: all. More than 64 are empty */
    uint32_t until;       /* go on up to there only, in 2^-32ths of what is to be walked over; 0: to its end. To spread a walk over time */
    uint64_t place[2];
} usrloc_visit;

typedef struct usrloc_api {
    uint32_t size;

    /* [start] [worker] */
    void (*APUS_NONNULL settings)(const apus_host *APUS_NONNULL h, usrloc_settings *APUS_NONNULL out);
    /* [start] desc_time_order, for those who have a parameter of that name, too: the last one counts. */
    void (*APUS_NONNULL order_by_time)(const apus_host *APUS_NONNULL h, int on);

    /*
     * [start] The table of that name, made and filled from the database if it is not there yet: names that scripts give as constants are known in the
     * `prepare` of functions. Null with a logged reason: the name is empty or too long (64), or the rows cannot be read.
     */
    usrloc_table *APUS_NULLABLE (*APUS_NONNULL register_table)(const apus_host *APUS_NONNULL h, apus_str name);
    /* [any] [no-alloc] The table of that name; null when there is none. No table is made once the workers run. */
    usrloc_table *APUS_NULLABLE (*APUS_NONNULL find_table)(const apus_host *APUS_NONNULL h, apus_str name);
    /* [any] [no-alloc] *for ever* */
    apus_str (*APUS_NONNULL table_name)(const usrloc_table *APUS_NONNULL t);

    /*
     * [worker] For a function of a script, which needs APUS_MAY_SUSPEND: what it answers is the function's result. `then` is called with the contacts
     * exactly once, before `lookup` returns or, with db_mode 3, later on this worker; its answer is the function's. The record lives for the
     * *run*; it has no contacts when there are none. It is null when the status is not APUS_OK.
     */
    int (*APUS_NONNULL lookup)(const apus_call *APUS_NONNULL c, usrloc_table *APUS_NONNULL t, const usrloc_query *APUS_NONNULL q,
                  int (*APUS_NONNULL then)(const apus_call *APUS_NONNULL c, int status, const usrloc_record *APUS_NULLABLE r,
                                           void *APUS_NULLABLE user),
                  void *APUS_NULLABLE user);
    /*
     * [worker] [management] The same where no script runs; the record lives for the *call* of `then`, which is called on this thread, exactly once
     * unless the server stops first, possibly before `fetch` returns.
     */
    void (*APUS_NONNULL fetch)(const apus_host *APUS_NONNULL h, usrloc_table *APUS_NONNULL t, const usrloc_query *APUS_NONNULL q,
                  void (*APUS_NONNULL then)(const apus_host *APUS_NONNULL h, int status, const usrloc_record *APUS_NULLABLE r,
                                            void *APUS_NULLABLE user),
                  void *APUS_NULLABLE user);

    /*
     * [worker] As `lookup`: makes the change, and `then` is called exactly once when it is done: with db_mode 1 and 3, when its rows are written. What the
     * change points to is read before `change` returns; it is in use no longer. The outcome lives for the *run*. When the database has not
     * answered in time, or was lost, memory is as it was; whether the rows are written is not known, and is put right afterwards.
     */
    int (*APUS_NONNULL change)(const apus_call *APUS_NONNULL c, usrloc_table *APUS_NONNULL t, const usrloc_change *APUS_NONNULL change,
                  int (*APUS_NONNULL then)(const apus_call *APUS_NONNULL c, const usrloc_outcome *APUS_NONNULL o,
                                           void *APUS_NULLABLE user),
                  void *APUS_NULLABLE user);
    /* [worker] [management] The same where no script runs, as `fetch`. The outcome lives for the *call* of `then`, which may be null. */
    void (*APUS_NONNULL submit)(const apus_host *APUS_NONNULL h, usrloc_table *APUS_NONNULL t, const usrloc_change *APUS_NONNULL change,
                   void (*APUS_NULLABLE then)(const apus_host *APUS_NONNULL h, const usrloc_outcome *APUS_NONNULL o,
                                              void *APUS_NULLABLE user),
                   void *APUS_NULLABLE user);

    /*
     * [any] One slice of a walk over contacts that are not over: `seen` is called for each, with copies that live for the *call*. APUS_TRUE:
     * go on, with the same visit, now or at another time; APUS_EXIT: that was all. What comes or goes meanwhile may be seen or not, what
     * stays is seen once, unless the table has grown twofold. With db_mode 3 there is nothing to walk over: APUS_FALSE.
     */
    int (*APUS_NONNULL visit)(const apus_host *APUS_NONNULL h, usrloc_table *APUS_NONNULL t, usrloc_visit *APUS_NONNULL v,
                 void (*APUS_NONNULL seen)(const apus_host *APUS_NONNULL h, apus_str aor, uint64_t hash,
                                           const usrloc_contact *APUS_NONNULL contact, void *APUS_NULLABLE user),
                 void *APUS_NULLABLE user);

    /* [worker] [no-alloc] A contact has answered a ping, after so many microseconds (0: not known). APUS_FALSE: there is none such. */
    int (*APUS_NONNULL refresh_keepalive)(const apus_host *APUS_NONNULL h, usrloc_table *APUS_NONNULL t, uint64_t hash, apus_str ruid,
                             uint32_t round_trip);

    /*
     * [start] `call` is called for these kinds (bits) in every table, on the thread where the change is done, [worker] or [management], right before
     * `then` of that change; with no lock held. It may look things up and make changes.
     */
    int (*APUS_NONNULL register_callback)(const apus_host *APUS_NONNULL h, uint32_t kinds,
                             void (*APUS_NONNULL call)(const usrloc_event *APUS_NONNULL e), void *APUS_NULLABLE user);

    /*
     * [worker] [no-alloc] On the message of event_route[usrloc:contact-expired]: the contact that it is about; null on any other. As long as the
     * message. For $ulc(exp=>...).
     */
    const usrloc_record *APUS_NULLABLE (*APUS_NONNULL expired)(const apus_msg *APUS_NONNULL m);

    /* [any] Addresses of record and contacts in memory, and how many contacts have expired since the start. */
    void (*APUS_NONNULL counts)(const usrloc_table *APUS_NONNULL t, uint64_t *APUS_NONNULL users, uint64_t *APUS_NONNULL contacts,
                   uint64_t *APUS_NONNULL expired);

    /* [any] [no-alloc] From the workers' start on, the tables in the order in which they were made, from 0; null: no more. */
    usrloc_table *APUS_NULLABLE (*APUS_NONNULL table_at)(const apus_host *APUS_NONNULL h, uint32_t index);
    /*
     * [any] The contacts of one address that are in memory and not over: `seen` is called for each, with copies that live for the *call*, best q
     * first. How many; APUS_FALSE with db_mode 3, which has none in memory, and when memory is out.
     */
    int (*APUS_NONNULL contacts)(const apus_host *APUS_NONNULL h, usrloc_table *APUS_NONNULL t, apus_str aor,
                    void (*APUS_NULLABLE seen)(const apus_host *APUS_NONNULL h, const usrloc_contact *APUS_NONNULL contact,
                                               void *APUS_NULLABLE user),
                    void *APUS_NULLABLE user);
    /*
     * [worker] [no-alloc] The contact is dead: it is over from now on, as if its time had come, and USRLOC_EXPIRED follows within a second or so.
     * APUS_FALSE: there is none such; so with db_mode 3.
     */
    int (*APUS_NONNULL expire)(const apus_host *APUS_NONNULL h, usrloc_table *APUS_NONNULL t, uint64_t hash, apus_str ruid);
    /*
     * [worker] With db_mode 3 what `visit` is otherwise. Later on this worker `seen` is called for the contacts of the next rows behind the ruid `after`, in the
     * order of ruids, `limit` at most, also for those that are over; they live for the *call* and have no attributes. Then, possibly before
     * `rows` returns, `done` is called once, with how many rows there were, or a negative number when the database has failed. With limit 0
     * nothing is seen, and `done` gets how many contacts there are that are not over. In other modes it gets -1.
     */
    void (*APUS_NONNULL rows)(const apus_host *APUS_NONNULL h, usrloc_table *APUS_NONNULL t, apus_str after, uint32_t limit,
                 void (*APUS_NULLABLE seen)(const apus_host *APUS_NONNULL h, apus_str aor, uint64_t hash,
                                            const usrloc_contact *APUS_NONNULL contact, void *APUS_NULLABLE user),
                 void (*APUS_NONNULL done)(const apus_host *APUS_NONNULL h, int64_t count, void *APUS_NULLABLE user),
                 void *APUS_NULLABLE user);
} usrloc_api;

/* [start] usrloc's interface; null with a logged reason when usrloc.so is not loaded. A module names "usrloc/1" in `needs`. */
static inline const usrloc_api *APUS_NULLABLE load_usrloc(const apus_host *APUS_NONNULL h) {
    return (const usrloc_api *)h->find(h, USRLOC_API, (uint32_t)sizeof(usrloc_api));
}

#ifdef __cplusplus
}
#endif
#endif
