/* Nothing is wrong with it: it was built when the interface store/1 had one function, and can do without spare/1. */
#include <apus/module.h>

typedef struct store_api { uint32_t size; int (*count)(void); } store_api;

static int start(const apus_host *h) {
    const store_api *store = h->find(h, "store/1", sizeof(store_api));
    if (!store || store->count() != 3 || h->find(h, "store/1", 4096) || h->find(h, "spare/1", 4)) {
        h->log->write(h, APUS_ERR, APUS_STR("store/1 is not what it should be"));
        return APUS_FALSE;
    }
    return APUS_TRUE;
}

APUS_MODULE(consumer) { APUS_HEADER, .name = "consumer", .version = "1.0", .needs = "store/1 spare/1?", .start = start };
