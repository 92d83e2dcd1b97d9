/*
 * apus/tm.h - transactions, for modules that follow or use them. Published by tm.so under the id "tm/1".
 *
 *   static const tm_api *tm;
 *   static void answered(const tm_event *e) { ... e->code, e->reply ... }
 *   static void arrived(const tm_event *e) {          // for every new request
 *       tm->register_tmcb(host, e->transaction, TM_RESPONSE_OUT, answered, NULL, NULL);
 *   }
 *   static int start(const apus_host *h) {
 *       tm = load_tm(h);
 *       return tm ? tm->register_tmcb(h, NULL, TM_REQUEST_IN, arrived, NULL, NULL) : APUS_FALSE;
 *   }
 *
 * A transaction belongs to the home worker of its call. Everything here is [worker], on that worker, unless it says otherwise. A handle is
 * valid in callbacks that bring it, and until the callback TM_DESTROY at the latest; to keep one longer keep its identity.
 */
#ifndef APUS_TM_H
#define APUS_TM_H

#include <apus/module.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TM_API "tm/1"

typedef struct tm_transaction tm_transaction;

/* Kinds of events, as bits. In the order in which they come, but for SENT, which precedes OUT of the same bytes. */
enum {
    TM_REQUEST_IN = 1u << 0,         /* a new request, never a retransmission: its transaction is about to begin; the message may be edited */
    TM_REQUEST_PENDING = 1u << 1,    /* the request waits: suspended by t_suspend, or its destination is looked up */
    TM_REQUEST_FWDED = 1u << 2,      /* one branch, before it is written: the last chance to edit the request */
    TM_REQUEST_OUT = 1u << 3,        /* one branch was sent successfully */
    TM_REQUEST_SENT = 1u << 4,       /* bytes of a request left, retransmissions, local ACK and CANCEL included */
    TM_REQ_RETR_IN = 1u << 5,        /* a retransmission of the request came */
    TM_E2ECANCEL_IN = 1u << 6,       /* a CANCEL for this INVITE came; e->request is the CANCEL */
    TM_RESPONSE_IN = 1u << 7,        /* a reply matched, also one to a CANCEL of ours */
    TM_ON_BRANCH_FAILURE_RO = 1u << 8, /* one branch has failed: to look at */
    TM_ON_BRANCH_FAILURE = 1u << 9,  /* the same: may add branches */
    TM_ON_FAILURE_RO = 1u << 10,     /* all branches have failed: to look at */
    TM_ON_FAILURE = 1u << 11,        /* the same: may add branches */
    TM_RESPONSE_FWDED = 1u << 12,    /* a reply is going to be forwarded: the last chance to edit it */
    TM_RESPONSE_READY = 1u << 13,    /* a reply is written and about to leave */
    TM_RESPONSE_OUT = 1u << 14,      /* a reply was sent: the final one once, provisional ones that were relayed too */
    TM_RESPONSE_SENT = 1u << 15,     /* bytes of a reply left, retransmissions included */
    TM_ACK_NEG_IN = 1u << 16,        /* the ACK to a negative reply came */
    TM_E2EACK_IN = 1u << 17,         /* the first ACK to a 2xx came by; e->request is the ACK */
    TM_E2EACK_RETR_IN = 1u << 18,    /* a further one */
    TM_LOCAL_REQUEST_IN = 1u << 19,  /* a request of our own is about to begin */
    TM_LOCAL_REQUEST_DROP = 1u << 20, /* it was dropped by event_route[tm:local-request] */
    TM_LOCAL_RESPONSE_IN = 1u << 21, /* a reply to a request of our own matched */
    TM_LOCAL_RESPONSE_OUT = 1u << 22, /* a provisional reply to it was accepted */
    TM_LOCAL_COMPLETED = 1u << 23,   /* its final reply, or its timeout (408, no reply) */
    TM_DONT_ACK = 1u << 24,          /* no event: at registration, "do not acknowledge the 2xx to my INVITE" */
    TM_DLG = 1u << 25,               /* a request of our own belongs to a dialog: it is about to be written */
    TM_DESTROY = 1u << 26,           /* the transaction ends */
    TM_QUIET = 1u << 27,             /* no event: at registration, "an INVITE that nobody answers may end in silence" (noisy_ctimer 0) */
};
#define TM_NEG_ACK_IN TM_ACK_NEG_IN

enum {
    TM_RETRANSMISSION = 1u << 0, /* of SENT and IN kinds */
    TM_LOCAL = 1u << 1,          /* SENT: an ACK or CANCEL of our own; RESPONSE: a reply of our own */
    TM_FAKED = 1u << 2,          /* there is no reply message: a timeout, or a local decision */
};

/* Lives for the *call*. */
typedef struct tm_event {
    uint32_t size;
    uint32_t type; /* one of the bits */
    const apus_host *APUS_NONNULL host;     /* of the module that registered */
    tm_transaction *APUS_NONNULL transaction;
    apus_msg *APUS_NULLABLE request;        /* the transaction's, or as said above; null when it is no longer kept */
    apus_msg *APUS_NULLABLE reply;          /* null with TM_FAKED and for replies of our own */
    int32_t code;                           /* of the reply; 0 without one */
    uint32_t flags;                         /* TM_RETRANSMISSION ... */
    int32_t branch;                         /* from 0; -1: none in particular */
    uint32_t reserved;
    const apus_destination *APUS_NULLABLE destination; /* SENT, OUT and READY: where it went */
    apus_str bytes;                         /* SENT and READY: what */
    void *APUS_NULLABLE user;               /* as registered */
} tm_event;

/* Facts about a transaction. Texts live as long as the transaction. */
typedef struct tm_facts {
    uint32_t size;
    uint32_t method;     /* APUS_METHOD_... */
    uint32_t index, label; /* its identity: also what $T(id_index), $T(id_label) show */
    uint32_t flags;      /* message flags (setflag): those of the request while its own script runs, then those that routes left */
    uint32_t branches;   /* made so far */
    int32_t status;      /* of the last reply sent; 0: none */
    uint32_t is_local;   /* a request of our own */
    uint32_t is_cancelled;
    uint32_t replied_here; /* the last reply sent was one of our own */
    apus_str to_tag;     /* of replies of our own */
    uint64_t started;    /* monotonic milliseconds */
    apus_avps *APUS_NULLABLE avps; /* its AVPs, for script->with_call and start_run; as long as the transaction */
    apus_str reason;     /* of the last reply sent; lives until the next one is */
    int32_t received;    /* status of the last reply received from any branch; 0: none */
    uint32_t reserved;
} tm_facts;

/* One branch. Texts live as long as the transaction. */
typedef struct tm_branch {
    uint32_t size;
    int32_t status;      /* of its last reply; 408 after a timeout; 0: none */
    uint32_t flags;      /* branch flags (setbflag) */
    uint32_t is_finished; /* it has a final reply, or timed out */
    uint32_t timed_out;
    uint32_t replied;    /* some reply came */
    apus_str uri;        /* its Request-URI */
    apus_str ruid;
    apus_destination destination;
    apus_msg *APUS_NULLABLE reply; /* its final negative reply while it is kept */
    apus_str next_hop;   /* its destination as a URI; empty: by the Request-URI */
    apus_str path;       /* Route values that were put in front; may be empty */
    apus_str instance;   /* of the registered contact that it goes to; may be empty, as the next one */
    apus_str user_agent;
} tm_branch;

/* A reply. Texts are copied. */
typedef struct tm_reply {
    uint32_t size;
    int32_t code;       /* 100 to 999 */
    apus_str reason;
    apus_str to_tag;    /* empty: the transaction's */
    apus_str headers;   /* whole lines; may be empty */
    apus_str body, body_type;
} tm_reply;

/* What tm knows about a message that a route or a callback works on. */
typedef struct tm_context {
    uint32_t size;
    int32_t branch;         /* of a reply, and in a branch route; -1: none */
    tm_transaction *APUS_NULLABLE transaction;
    int32_t failure_status; /* in a failure route: the winning status, 408 after a timeout; else 0 */
    int32_t failure_branch; /* the branch that it came from, or that a branch failure is about; -1: none */
    apus_msg *APUS_NULLABLE failure_reply; /* the winning reply; null when it was made here */
} tm_context;

/* Routes that t_on_failure and its like arm. */
enum {
    TM_ROUTE_FAILURE = 1,
    TM_ROUTE_BRANCH = 2,
    TM_ROUTE_ONREPLY = 3,
    TM_ROUTE_BRANCH_FAILURE = 4, /* event_route[tm:branch-failure:name] */
};

typedef void (*tm_callback)(const tm_event *APUS_NONNULL e);

typedef struct tm_dialog tm_dialog;

/* Flags of a request of our own. */
enum {
    TM_NO_ACK = 1u << 0,           /* a 2xx to this INVITE is not acknowledged by itself: see ack_local_uac */
    TM_PASS_PROVISIONAL = 1u << 1, /* TM_LOCAL_RESPONSE_OUT for provisional replies, whatever pass_provisional_replies says */
};

/*
 * A request of our own, for t_request, which copies all of it. Made by `tm_request r = { APUS_STRUCT(tm_request), ... }`.
 */
typedef struct tm_request {
    uint32_t size;
    uint32_t flags;       /* TM_NO_ACK ... */
    apus_str method;      /* not ACK, not CANCEL: these belong to their INVITE's transaction */
    apus_str uri;         /* Request-URI; in a dialog it may be empty: the remote target */
    apus_str next_hop;    /* a URI where it goes; empty: to the first Route, else to the Request-URI */
    apus_str from, to;    /* values of the headers; From gets a tag when it has none. Not read in a dialog */
    apus_str callid;      /* empty: a new one. Not read in a dialog */
    uint32_t cseq;        /* 0: 1. Not read in a dialog */
    uint32_t reserved;
    const apus_listener *APUS_NULLABLE listener; /* to send by, when it fits; null: by destination */
    apus_str headers;     /* further whole lines; none of Via, From, To, Call-ID, CSeq, Content-Length; may be empty */
    apus_str body;
    apus_str body_type;   /* Content-Type, unless `headers` have one */
    uint32_t fr_timer, fr_inv_timer; /* milliseconds; 0: as the parameters say */
    /*
     * Called for these kinds of events, on the home worker of the Call-ID: after t_request has answered APUS_TRUE, TM_LOCAL_COMPLETED
     * or TM_LOCAL_REQUEST_DROP once, the former possibly before t_request returns. `release` (may be null) is called once with `user`, when
     * the transaction has ended; without any event before when the other worker had no memory to make one.
     */
    uint32_t kinds;
    uint32_t reserved2;
    tm_callback APUS_NULLABLE call;
    void *APUS_NULLABLE user;
    void (*APUS_NULLABLE release)(void *APUS_NULLABLE user);
    tm_dialog *APUS_NULLABLE dialog; /* it is sent within; its CSeq goes up by one */
} tm_request;

/* Where a dialog is in its life (RFC 3261 section 12). */
enum {
    TM_DIALOG_NEW = 0,       /* of a request of ours, nobody has answered yet */
    TM_DIALOG_EARLY = 1,
    TM_DIALOG_CONFIRMED = 2,
    TM_DIALOG_ENDED = 3,
};

/* Facts about a dialog. Texts live until the dialog is changed or freed. */
typedef struct tm_dialog_facts {
    uint32_t size;
    uint32_t state;       /* TM_DIALOG_... */
    uint32_t local_cseq, remote_cseq;
    apus_str callid;
    apus_str local, remote; /* values of From and To of our requests, with their tags */
    apus_str target;      /* remote target, a URI */
    apus_str next_hop;    /* a URI where our requests go: as set, else by the route set, else the target */
    apus_str routes;      /* route set: values with commas between them; may be empty */
} tm_dialog_facts;

typedef struct tm_api {
    uint32_t size;

    /*
     * Calls `call` for events of these kinds: of one transaction; or with `t` null, [start], for every transaction: TM_REQUEST_IN and
     * TM_LOCAL_REQUEST_IN only. Callbacks run in the order of registration, with no lock held; they may register more, reply, and read;
     * those marked "may be edited" may edit. `release` (may be null) frees `user` when the transaction ends, after TM_DESTROY.
     */
    int (*APUS_NONNULL register_tmcb)(const apus_host *APUS_NONNULL h, tm_transaction *APUS_NULLABLE t, uint32_t kinds,
                         tm_callback APUS_NONNULL call, void *APUS_NULLABLE user,
                         void (*APUS_NULLABLE release)(void *APUS_NULLABLE user));

    /* The transaction of a message that a route or a callback works on; null when there is none. No search is made. */
    tm_transaction *APUS_NULLABLE (*APUS_NONNULL t_gett)(const apus_msg *APUS_NONNULL m);
    /* The same with a search: the transaction of a reply, of a retransmission, of the INVITE of a CANCEL or ACK. */
    tm_transaction *APUS_NULLABLE (*APUS_NONNULL t_check)(apus_msg *APUS_NONNULL m);
    /* By identity; null when it is gone or lives on another worker: see `worker_of`. */
    tm_transaction *APUS_NULLABLE (*APUS_NONNULL t_lookup_ident)(const apus_host *APUS_NONNULL h, uint32_t index, uint32_t label);
    tm_transaction *APUS_NULLABLE (*APUS_NONNULL t_lookup_callid)(const apus_host *APUS_NONNULL h, apus_str callid, apus_str cseq);
    tm_transaction *APUS_NULLABLE (*APUS_NONNULL t_lookup_original)(apus_msg *APUS_NONNULL cancel);
    /* [any] The worker on which the transaction of that index lives. */
    uint32_t (*APUS_NONNULL worker_of)(uint32_t index);
    void (*APUS_NONNULL facts)(const tm_transaction *APUS_NONNULL t, tm_facts *APUS_NONNULL out);
    int (*APUS_NONNULL branch)(const tm_transaction *APUS_NONNULL t, uint32_t index, tm_branch *APUS_NONNULL out);
    /* The request as the transaction keeps it; null when it is not kept any more. As long as the transaction. */
    apus_msg *APUS_NULLABLE (*APUS_NONNULL request)(const tm_transaction *APUS_NONNULL t);

    /* The script's t_newtran for the call's request: 1, 0 when it was a retransmission, negative on errors. */
    int (*APUS_NONNULL t_newtran)(const apus_call *APUS_NONNULL c);
    /*
     * The script's t_relay, to a URI instead of the current one when its text is not null, over a transport when it is not 0. Used as
     * script->run is: the caller returns the result at once; when that is APUS_SUSPENDED, `then` gets the result later and answers for the
     * calling function.
     */
    int (*APUS_NONNULL t_relay)(const apus_call *APUS_NONNULL c, apus_str uri, uint32_t transport,
                   int (*APUS_NONNULL then)(const apus_call *APUS_NONNULL c, int result, void *APUS_NULLABLE user),
                   void *APUS_NULLABLE user);
    /* A reply in the transaction; a final one ends it and cancels its branches. APUS_FALSE when a final one was sent before. */
    int (*APUS_NONNULL t_reply)(tm_transaction *APUS_NONNULL t, const tm_reply *APUS_NONNULL reply);
    /* Cancels branches that have no final reply: bits of branches, 0 all. `reason` is the status for the Reason header; 0: none. */
    void (*APUS_NONNULL cancel_uacs)(tm_transaction *APUS_NONNULL t, uint32_t branches, int reason);
    /* Puts a transaction that is replied or abandoned on the wait timer. */
    int (*APUS_NONNULL t_release)(tm_transaction *APUS_NONNULL t);
    int (*APUS_NONNULL t_retransmit_reply)(tm_transaction *APUS_NONNULL t);

    /*
     * Parks a transaction after the script's end: its request is kept, the final-response timer runs. t_continue then runs a route on a copy of
     * the request, with the rights of a failure route; t_cancel_suspend undoes. `call` may be null outside a script for the latter two.
     */
    int (*APUS_NONNULL t_suspend)(const apus_call *APUS_NONNULL c, uint32_t *APUS_NONNULL index, uint32_t *APUS_NONNULL label);
    int (*APUS_NONNULL t_continue)(const apus_host *APUS_NONNULL h, uint32_t index, uint32_t label, const apus_route *APUS_NONNULL route);
    int (*APUS_NONNULL t_cancel_suspend)(const apus_host *APUS_NONNULL h, uint32_t index, uint32_t label);

    /* What tm knows about the message; APUS_FALSE, and all of it empty, when it knows nothing. */
    int (*APUS_NONNULL context)(const apus_msg *APUS_NONNULL m, tm_context *APUS_NONNULL out);
    /* The transaction's message flags, which its later routes see. */
    void (*APUS_NONNULL set_flags)(tm_transaction *APUS_NONNULL t, uint32_t flags);
    /* Arms a route for the call's transaction, or for the one that its message will have; null disarms. And whether one is armed. */
    int (*APUS_NONNULL t_on)(const apus_call *APUS_NONNULL c, uint32_t kind, const apus_route *APUS_NULLABLE route);
    int (*APUS_NONNULL t_is_set)(const apus_call *APUS_NONNULL c, uint32_t kind);
    /* Ends the transaction with that status and no reply to anybody; its branches are cancelled. APUS_FALSE when it has a final reply. */
    int (*APUS_NONNULL t_drop)(tm_transaction *APUS_NONNULL t, int code);

    /*
     * [any] Starts a request of our own, in a transaction that is made for it (RFC 3261 section 17.1): retransmission, timeout, DNS failover, ACK.
     * event_route[tm:local-request] sees it first. It lives on the home worker of its Call-ID: elsewhere it is handed over there. In a
     * dialog: [worker], the dialog's. APUS_TRUE when it is under way; else the status code negated, as -400, with *reason (may be null)
     * saying why *for ever*; then neither `call` nor `release` is called.
     */
    int (*APUS_NONNULL t_request)(const apus_host *APUS_NONNULL h, const tm_request *APUS_NONNULL r,
                     apus_str *APUS_NULLABLE reason);
    /*
     * Sends the ACK to a 2xx of an INVITE of ours that was started with TM_NO_ACK, with these header lines and that body, all of which may be
     * empty. `reply` is the 2xx: that of the event, or a kept copy; null: the last one that came. To be called again for a 2xx that comes again (TM_LOCAL_RESPONSE_IN).
     */
    int (*APUS_NONNULL ack_local_uac)(tm_transaction *APUS_NONNULL t, apus_msg *APUS_NULLABLE reply, apus_str headers,
                         apus_str body, apus_str body_type);
    /*
     * [any] New texts for a Call-ID and a From tag, hard to guess; on a worker the Call-ID is one whose home it is. They write at most `capacity`
     * bytes and answer how many; 0 when there is no room: 32 are enough.
     */
    size_t (*APUS_NONNULL generate_callid)(const apus_host *APUS_NONNULL h, char *APUS_NONNULL buffer, size_t capacity);
    size_t (*APUS_NONNULL generate_fromtag)(const apus_host *APUS_NONNULL h, char *APUS_NONNULL buffer, size_t capacity);

    /*
     * Dialogs (RFC 3261 section 12), for modules that keep some: the caller's until free_dlg, on the worker that made it, which must be the
     * home of its Call-ID. They are not followed by themselves: the module tells each what was received in it.
     *
     * Of a request that we are going to send: values of From, with its tag, and To; the URI it goes to; CSeq before its first request. Null
     * when a text is wrong, the Call-ID has another home, or memory is out.
     */
    tm_dialog *APUS_NULLABLE (*APUS_NONNULL new_dlg_uac)(const apus_host *APUS_NONNULL h, apus_str callid, uint32_t cseq, apus_str local,
                                            apus_str remote, apus_str target);
    /* Of a request that was received and is answered with that status (101 to 299) and To tag (section 12.1.1). */
    tm_dialog *APUS_NULLABLE (*APUS_NONNULL new_dlg_uas)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL request, int code,
                                            apus_str to_tag);
    /*
     * A reply to a request of ours in it: brings the remote tag and the route set at first, the target whenever the method refreshes it, and
     * the end. APUS_FALSE when it belongs to another dialog, of a forked request.
     */
    int (*APUS_NONNULL dlg_response_uac)(tm_dialog *APUS_NONNULL d, apus_msg *APUS_NONNULL reply);
    /* A request that was received in it: APUS_FALSE when its CSeq is too low (answer 500). Refreshes the target; BYE ends the dialog. */
    int (*APUS_NONNULL dlg_request_uas)(tm_dialog *APUS_NONNULL d, apus_msg *APUS_NONNULL request);
    /* Another target or next hop (null s: unchanged; empty next hop: by the route set). APUS_FALSE when a text is no URI. */
    int (*APUS_NONNULL set_dlg_target)(tm_dialog *APUS_NONNULL d, apus_str target, apus_str next_hop);
    void (*APUS_NONNULL dlg_facts)(const tm_dialog *APUS_NONNULL d, tm_dialog_facts *APUS_NONNULL out);
    /* Writes the Route header, with its line end, that requests in the dialog carry; answers its length: 0 when there is none or no room. */
    size_t (*APUS_NONNULL print_routeset)(const tm_dialog *APUS_NONNULL d, char *APUS_NONNULL buffer, size_t capacity);
    void (*APUS_NONNULL free_dlg)(tm_dialog *APUS_NULLABLE d);

    /*
     * Flags that a branch shows in our Via, as ;kvf= and a hexadecimal number: set before it is sent. A branch of index 0 need not be there
     * yet. APUS_FALSE when there is no such branch.
     */
    int (*APUS_NONNULL via_flags)(const tm_transaction *APUS_NONNULL t, uint32_t branch, uint32_t *APUS_NONNULL out);
    int (*APUS_NONNULL set_via_flags)(tm_transaction *APUS_NONNULL t, uint32_t branch, uint32_t flags);
    /*
     * Sends the transaction's request to further destinations, beside those that it was sent to: their branch route runs, their addresses are
     * looked up. APUS_FALSE when there is none, when the transaction has its final reply or is cancelled, is one of our own, or a
     * script of it runs or waits.
     */
    int (*APUS_NONNULL t_append_branches)(tm_transaction *APUS_NONNULL t, const apus_branch *APUS_NONNULL branches,
                             uint32_t count);

    /*
     * The script's t_check_trans for the call's message: APUS_TRUE when a reply, CANCEL or ACK belongs to a transaction; APUS_FALSE when it
     * does not, or a request is new; APUS_EXIT when tm has dealt with it: a retransmission, which got its reply again, or an ACK that ends
     * here. The caller then returns APUS_EXIT at once.
     */
    int (*APUS_NONNULL t_check_trans)(const apus_call *APUS_NONNULL c);
    /*
     * The script's t_set_fr for one transaction: how long final replies are waited for, in milliseconds, by an INVITE that rings and by
     * everything else; 0 leaves one as it is. Branches that are out count from now. Once the transaction has its final reply, and for
     * branches that have theirs, it has no effect.
     */
    void (*APUS_NONNULL set_fr)(tm_transaction *APUS_NONNULL t, uint32_t invite, uint32_t other);
    /* The To tag of all replies of our own; made when there is none yet. As long as the transaction. */
    apus_str (*APUS_NONNULL local_tag)(tm_transaction *APUS_NONNULL t);
    /* [worker] The same as set_flags for the 64 extended flags. */
    void (*APUS_NONNULL set_xflags)(tm_transaction *APUS_NONNULL t, uint64_t flags);
    /*
     * [worker] [no-alloc] The branch parameter of the Via with which a request that a route works on will leave: in a branch route that branch's,
     * elsewhere the first one's that is sent from now on, as long as its Route headers stay what they are. Its replies come back with it. Writes
     * at most `capacity` bytes and answers how many; 0 without a transaction (see t_newtran), for a reply, and when there is no
     * room: 64 are enough.
     */
    size_t (*APUS_NONNULL next_branch)(const apus_msg *APUS_NONNULL m, char *APUS_NONNULL buffer, size_t capacity);
} tm_api;

/*
 * What load_tm of other servers offers beside it, and what stands for it here:
 *
 *   t_on_failure, t_on_branch, t_on_reply, t_on_branch_failure      t_on with TM_ROUTE_FAILURE ...
 *   t_is_local, t_is_canceled, t_get_trans_ident, t_get_reply_totag facts
 *   t_get_canceled_ident                                            t_lookup_original, facts
 *   t_get_picked_branch                                             context, failure_branch; a callback's event, branch
 *   t_lookup_request, t_find                                        t_check, t_gett
 *   cancel_all_uacs, t_cancel_uac                                   cancel_uacs, on what t_lookup_callid or t_lookup_ident has found
 *   t_uac_with_ids, request_within, request_outside                 t_request: callid, from and cseq are the caller's; dialog
 *   add_blind_uac                                                   t_suspend: the final-response timer watches over it
 *   t_load_contacts, t_next_contacts                                t_append_branches, with the branches of one's choice
 *   update_dlg_uac, update_dlg_uas                                  dlg_response_uac, dlg_request_uas
 *   get_stats, get_table                                            stats->read of group tmx; the commands tm.stats, tm.hash_stats
 *
 * Left out on purpose: t_sett, t_unset and unref, since a message's transaction is found by tm alone and lives until TM_DESTROY;
 * prepared requests, since t_request takes its memory from the worker and writes once; t_continue_cb, since a module that goes on without a
 * route replies or appends branches by itself after t_cancel_suspend; t_reply_unsafe, since nothing is locked; t_forward_nonack and
 * t_replicate, which scripts call.
 */

/* [start] tm's interface; null with a logged reason when tm.so is not loaded. A module names "tm/1" in `needs`. */
static inline const tm_api *APUS_NULLABLE load_tm(const apus_host *APUS_NONNULL h) {
    return (const tm_api *)h->find(h, TM_API, (uint32_t)sizeof(tm_api));
}

#ifdef __cplusplus
}
#endif
#endif
