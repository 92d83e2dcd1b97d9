/*
 * apus/net.h - the sockets the server listens on, and sending. Group: host->net.
 */
#ifndef APUS_NET_H
#define APUS_NET_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Transports by number, as scripts see them in $prid. */
enum { APUS_UDP = 1, APUS_TCP = 2, APUS_TLS = 3, APUS_SCTP = 4, APUS_WS = 5, APUS_WSS = 6 };

/* A listener's facts. Texts live *for ever*. */
typedef struct apus_listener_info {
    uint32_t size;
    uint32_t transport;
    apus_str address;            /* IPv6 with brackets */
    apus_str advertised_address; /* equal to address when nothing is advertised */
    apus_str name;               /* empty when it has none */
    apus_str text;               /* udp:127.0.0.1:5060 */
    uint16_t port, advertised_port;
    uint32_t reserved;
} apus_listener_info;

typedef struct apus_net_api {
    uint32_t size;
    /* [start] [worker] [no-alloc] */
    uint32_t (*APUS_NONNULL count)(const apus_host *APUS_NONNULL h);
    const apus_listener *APUS_NULLABLE (*APUS_NONNULL at)(const apus_host *APUS_NONNULL h, uint32_t index);
    int (*APUS_NONNULL info)(const apus_listener *APUS_NONNULL l, apus_listener_info *APUS_NONNULL out);
    /* The listener of that transport (0: any), address and port (0: any), advertised ones included; null when it is not ours. */
    const apus_listener *APUS_NULLABLE (*APUS_NONNULL find)(const apus_host *APUS_NONNULL h, uint32_t transport, apus_str address,
                                               uint16_t port);
    /* Whether host and port (0: not compared) name this server: listeners, advertised addresses, aliases, and what modules added. */
    int (*APUS_NONNULL is_myself)(const apus_host *APUS_NONNULL h, apus_str host, uint16_t port);
    /* [start] Further names of this server: the callback answers true for those it knows. It runs on workers and must not block. */
    int (*APUS_NONNULL add_myself)(const apus_host *APUS_NONNULL h,
                      int (*APUS_NONNULL knows)(const apus_host *APUS_NONNULL h, apus_str host, uint16_t port));
} apus_net_api;

#ifdef __cplusplus
}
#endif
#endif
