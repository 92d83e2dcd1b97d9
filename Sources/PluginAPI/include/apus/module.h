/*
 * apus/module.h - what a module is. The one header that a module must include; it brings all groups.
 *
 * A whole module (build: gcc -shared -fPIC, see docs/modules.md):
 *
 *   #include <apus/module.h>
 *
 *   static int hello(const apus_call *c) {
 *       c->host->log->at(c, APUS_INFO, c->args[0].str);
 *       return APUS_TRUE;
 *   }
 *
 *   static int declare(const apus_host *h) {
 *       return h->script->add_function(h, &(apus_function){
 *           APUS_STRUCT(apus_function), .name = "hello", .args = "text:format",
 *           .routes = APUS_ANY_ROUTE, .doc = "Logs the text.", .call = hello });
 *   }
 *
 *   APUS_MODULE(hello) { APUS_HEADER, .name = "hello", .version = "1.0", .declare = declare };
 */
#ifndef APUS_MODULE_H
#define APUS_MODULE_H

#include <apus/base.h>
#include <apus/branches.h>
#include <apus/config.h>
#include <apus/db.h>
#include <apus/door.h>
#include <apus/events.h>
#include <apus/hooks.h>
#include <apus/log.h>
#include <apus/loop.h>
#include <apus/memory.h>
#include <apus/message.h>
#include <apus/net.h>
#include <apus/offload.h>
#include <apus/regex.h>
#include <apus/reply.h>
#include <apus/resolver.h>
#include <apus/rpc.h>
#include <apus/script.h>
#include <apus/shared.h>
#include <apus/slots.h>
#include <apus/stats.h>
#include <apus/suspend.h>
#include <apus/timer.h>
#include <apus/vars.h>
#include <apus/worker.h>
#include <apus/xavp.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Groups that have their place here and come with the modules that need them; null until then. */
typedef struct apus_stream_api apus_stream_api;     /* byte filters and protocols on connections */

/* The server as one module sees it: each module has a host of its own. Lives *for ever*, at one address. */
struct apus_host {
    uint32_t size;
    uint16_t abi_major, abi_minor; /* the server's */
    const apus_log_api *APUS_NONNULL log;
    const apus_script_api *APUS_NONNULL script;
    const apus_config_api *APUS_NONNULL config;
    const apus_vars_api *APUS_NONNULL vars;
    const apus_regex_api *APUS_NONNULL regex;
    const apus_message_api *APUS_NONNULL message;
    const apus_reply_api *APUS_NONNULL reply;
    const apus_branches_api *APUS_NONNULL branches;
    const apus_slots_api *APUS_NONNULL slots;
    const apus_hooks_api *APUS_NONNULL hooks;
    const apus_events_api *APUS_NONNULL events;
    const apus_suspend_api *APUS_NONNULL suspend;
    const apus_timer_api *APUS_NONNULL timer;
    const apus_worker_api *APUS_NONNULL worker;
    const apus_net_api *APUS_NONNULL net;
    const apus_stats_api *APUS_NONNULL stats;
    const apus_memory_api *APUS_NONNULL memory;
    const apus_resolver_api *APUS_NONNULL resolver;
    const apus_rpc_api *APUS_NONNULL rpc;
    const apus_loop_api *APUS_NONNULL loop;
    const apus_door_api *APUS_NONNULL door;
    const apus_xavp_api *APUS_NONNULL xavp;
    const apus_offload_api *APUS_NONNULL offload;
    const apus_db_api *APUS_NONNULL db;
    const apus_stream_api *APUS_NULLABLE stream;
    const apus_shared_api *APUS_NONNULL shared;

    /*
     * [declare] Offers an interface to other modules under an id such as "tm/1": a struct that begins with its `uint32_t size` and lives
     * *for ever*. Growing it at its end keeps the id; anything else is a new number behind the slash.
     */
    int (*APUS_NONNULL publish)(const apus_host *APUS_NONNULL h, const char *APUS_NONNULL id,
                                const void *APUS_NONNULL table);
    /* [start] The interface of that id, when a loaded module offers one of at least `min_size` bytes; else null. */
    const void *APUS_NULLABLE (*APUS_NONNULL find)(const apus_host *APUS_NONNULL h, const char *APUS_NONNULL id,
                                                   uint32_t min_size);
};

#define APUS_MAGIC 0x53555041u /* "APUS" */

/*
 * A module's own description: static, never changed. The host looks at magic, size and ABI before it calls anything.
 *
 * ABI rule: the major numbers are equal, and the module's minor is not newer than the server's. While the major is 0, the minors
 * are equal.
 */
typedef struct apus_module {
    uint32_t magic, size;
    uint16_t abi_major, abi_minor;
    uint32_t flags; /* 0 */
    const char *APUS_NONNULL name;    /* equal to the file's: tm for tm.so */
    const char *APUS_NONNULL version; /* the module's own */
    const char *APUS_NULLABLE summary; /* one line for `apus -M` */
    const char *APUS_NULLABLE needs;  /* interfaces wanted at start, "tm/1 dialog/1?": `?` for those it can do without */

    /* [declare] Names everything that scripts and operators see. No side effects: it also runs for `apus -c` and `apus -M`. */
    int (*APUS_NULLABLE declare)(const apus_host *APUS_NONNULL h);
    /* [start] Once: parameters are set, interfaces can be found. APUS_FALSE stops the start of the server with what was logged. */
    int (*APUS_NULLABLE start)(const apus_host *APUS_NONNULL h);
    /* [worker] Once on each worker, before it takes traffic. */
    int (*APUS_NULLABLE worker)(const apus_host *APUS_NONNULL h, uint32_t index);
    /* Once, on the main thread, after the last worker has ended; in the reverse order of `start`. Only if `start` succeeded. */
    void (*APUS_NULLABLE stop)(const apus_host *APUS_NONNULL h);
} apus_module;

#define APUS_HEADER \
    .magic = APUS_MAGIC, .size = (uint32_t)sizeof(apus_module), .abi_major = APUS_ABI_MAJOR, .abi_minor = APUS_ABI_MINOR

/*
 * Defines the module's one exported function, apus_module_<name>, which answers its description. A dash in the module's
 * name is an underscore here: APUS_MODULE(rtpproxy_ng). C only; in Swift see PluginKit.
 */
#define APUS_MODULE(ident) \
    static const apus_module apus_description_##ident; \
    APUS_EXTERN const apus_module *apus_module_##ident(void); \
    const apus_module *apus_module_##ident(void) { return &apus_description_##ident; } \
    static const apus_module apus_description_##ident =

#ifdef __cplusplus
}
#endif
#endif
