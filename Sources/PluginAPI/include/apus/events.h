/*
 * apus/events.h - event routes of a module, and events of the core that modules subscribe to. Group: host->events.
 */
#ifndef APUS_EVENTS_H
#define APUS_EVENTS_H

#include <apus/script.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* Its block cannot wait: a function that may is a mistake in it. Whoever runs it says APUS_NO_WAIT. */
    APUS_EVENT_IS_SHORT = 1u << 0,
    /* The name is whole, "network:msg", and the module's is not put before it. */
    APUS_EVENT_IS_WHOLE = 1u << 1,
};

typedef struct apus_events_api {
    uint32_t size;
    /* [declare] event_route[module:name] exists: its id, or a negative value. `doc` says when it is raised and on which message. */
    int (*APUS_NONNULL add)(const apus_host *APUS_NONNULL h, const char *APUS_NONNULL name, const char *APUS_NONNULL doc);
    /* [worker] [no-alloc] The script's block for it; null when the script has none: then nothing need be prepared. Run it by
     * script->run or script->start_run with APUS_EVENT_ROUTE. Which script, and for how long: as script->find_route. */
    const apus_route *APUS_NULLABLE (*APUS_NONNULL route)(const apus_host *APUS_NONNULL h, int id);
    /*
     * [declare] Calls `call` when the core raises the event; unknown names answer APUS_FALSE with a logged list.
     *   "core:ready"  on the main thread: listeners are open and every worker has started
     *   "core:reload" on the main thread: SIGHUP arrived
     */
    int (*APUS_NONNULL subscribe)(const apus_host *APUS_NONNULL h, const char *APUS_NONNULL name,
                     void (*APUS_NONNULL call)(const apus_host *APUS_NONNULL h, void *APUS_NULLABLE user),
                     void *APUS_NULLABLE user);
    /* [declare] As `add`, with flags, APUS_EVENT_.... */
    int (*APUS_NONNULL add_special)(const apus_host *APUS_NONNULL h, const char *APUS_NONNULL name,
                                    const char *APUS_NONNULL doc, uint32_t flags);
} apus_events_api;

#ifdef __cplusplus
}
#endif
#endif
