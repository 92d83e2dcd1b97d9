/*
 * apus/slots.h - a module's own data, kept with an object of the host. Group: host->slots.
 */
#ifndef APUS_SLOTS_H
#define APUS_SLOTS_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    APUS_SLOT_MESSAGE = 1, /* as long as the message: the run, or its transaction */
    APUS_SLOT_WORKER = 2,  /* one pointer for each worker, as long as the server */
    APUS_SLOT_RUN = 3,     /* as long as one run of the script, with all its routes and waits */
};

typedef struct apus_slots_api {
    uint32_t size;
    /*
     * [declare] A slot in every object of that kind; its id, or a negative value with a logged reason. `destroy` (may be null) is called
     * on the object's worker when the object ends and the slot is not null.
     */
    int (*APUS_NONNULL add)(const apus_host *APUS_NONNULL h, uint32_t kind,
               void (*APUS_NULLABLE destroy)(const apus_host *APUS_NONNULL h, void *APUS_NONNULL data));
    /* [worker] [no-alloc] The slot of a message; null until set. */
    void *APUS_NULLABLE (*APUS_NONNULL message)(const apus_msg *APUS_NONNULL m, int id);
    void (*APUS_NONNULL set_message)(apus_msg *APUS_NONNULL m, int id, void *APUS_NULLABLE data);
    /* [worker] [no-alloc] The calling worker's slot; null until set. */
    void *APUS_NULLABLE (*APUS_NONNULL worker)(const apus_host *APUS_NONNULL h, int id);
    void (*APUS_NONNULL set_worker)(const apus_host *APUS_NONNULL h, int id, void *APUS_NULLABLE data);
    /*
     * [worker] [no-alloc] The slot of the run that makes the call; null until set. When it is destroyed, memory of the run (script->allocate) is
     * still there. APUS_FALSE when the run's memory is used up.
     */
    void *APUS_NULLABLE (*APUS_NONNULL run)(const apus_call *APUS_NONNULL c, int id);
    int (*APUS_NONNULL set_run)(const apus_call *APUS_NONNULL c, int id, void *APUS_NULLABLE data);
} apus_slots_api;

#ifdef __cplusplus
}
#endif
#endif
