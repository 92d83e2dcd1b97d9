/*
 * apus/resolver.h - from a SIP URI to the addresses where its requests go (RFC 3263). Group: host->resolver.
 */
#ifndef APUS_RESOLVER_H
#define APUS_RESOLVER_H

#include <apus/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Addresses that one look-up answers at most, best first. */
#define APUS_MAX_HOPS 8

/* One address to try. */
typedef struct apus_hop {
    apus_address address;
    uint32_t transport;
    uint32_t reserved;
} apus_hop;

/*
 * One look-up, in memory of the module that stays until `done` was called or `cancel` has returned.
 */
typedef struct apus_lookup {
    uint32_t size;
    uint32_t count;           /* of hops */
    apus_hop hops[APUS_MAX_HOPS];
    void *APUS_NULLABLE own[6]; /* the host's */
    /*
     * [worker] Called once on the worker that asked, from its loop, never from within next_hop: APUS_OK and the hops, or APUS_TIMED_OUT,
     * APUS_BUSY, APUS_FAILED with none.
     */
    void (*APUS_NULLABLE done)(const apus_host *APUS_NONNULL h, struct apus_lookup *APUS_NONNULL l, int status);
    void *APUS_NULLABLE user;
} apus_lookup;

/* A record for the resolver's caches. */
typedef struct apus_dns_record {
    uint32_t size;
    uint32_t type;   /* as in DNS: 1 A, 28 AAAA, 33 SRV */
    uint32_t flags;  /* APUS_DNS_... */
    uint32_t ttl;    /* seconds */
    apus_str name;
    apus_address address; /* of A and AAAA; its port is not read */
    apus_str target;      /* of SRV */
    uint16_t priority, weight, port;
    uint16_t reserved;
} apus_dns_record;

enum {
    APUS_DNS_UNRESOLVABLE = 1, /* the name has no such record */
    APUS_DNS_PERMANENT = 2,    /* it stays, whatever the servers and operators say */
};

/* A name whose addresses are waited for: all of them. */
typedef struct apus_name {
    uint32_t size;
    uint32_t transport;  /* the only one wanted; 0: by the URI */
    apus_str uri;        /* what has a port has no SRV records (RFC 3263 section 4.2) */
    apus_hop *APUS_NONNULL hops; /* of the caller, filled in: best first */
    uint32_t capacity;   /* of them */
    uint32_t count;
    int32_t status;      /* APUS_OK; APUS_TIMED_OUT: there was no answer in time; APUS_FAILED: there is no address */
    uint32_t ttl;        /* seconds for which that holds, found or not, as the answers say; UINT32_MAX: for ever, the URI has an address */
} apus_name;

typedef struct apus_resolver_api {
    uint32_t size;
    /*
     * [worker] The addresses for a request to that URI, by RFC 3263: an IP address, or maddr, port and transport as the URI says, else
     * NAPTR, SRV, A and AAAA as the core's DNS parameters have it, with its cache. Without use_dns_failover exactly one hop is answered,
     * the best. `transport`: the only one wanted; 0: by the URI.
     * APUS_TRUE: known at once, l->hops is filled in and `done` is not called. APUS_SUSPENDED: `done` will be. APUS_FALSE: it
     * cannot be a destination (no such transport, no host, too many look-ups).
     */
    int (*APUS_NONNULL next_hop)(const apus_host *APUS_NONNULL h, apus_str uri, uint32_t transport,
                    apus_lookup *APUS_NONNULL l);
    /* [worker] On the worker that asked: `done` will not be called. */
    void (*APUS_NONNULL cancel)(const apus_host *APUS_NONNULL h, apus_lookup *APUS_NONNULL l);
    /*
     * [worker] The addresses to which a reply is passed on, by its second Via (RFC 3261 section 18.2.2); as next_hop. APUS_FALSE for a request, too, and
     * for a reply that has no second Via.
     */
    int (*APUS_NONNULL reply_hop)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m, apus_lookup *APUS_NONNULL l);
    /*
     * [worker] Adds a record to the calling worker's cache, as if the servers had answered it. APUS_FALSE when it is none, or the name is being asked
     * for.
     */
    int (*APUS_NONNULL remember)(const apus_host *APUS_NONNULL h, const apus_dns_record *APUS_NONNULL r);
    /*
     * [start, offload] The addresses of `count` names, several of which are asked for at a time; waits for all of them, but not longer than
     * `milliseconds`. Each name's count, status and ttl are filled in. Nothing of the workers' caches is used. APUS_FALSE: there can be no
     * look-ups, by the calling thread or for want of descriptors; then nothing is filled in.
     */
    int (*APUS_NONNULL wait)(const apus_host *APUS_NONNULL h, apus_name *APUS_NONNULL names, uint32_t count, uint32_t milliseconds);
} apus_resolver_api;

#ifdef __cplusplus
}
#endif
#endif
