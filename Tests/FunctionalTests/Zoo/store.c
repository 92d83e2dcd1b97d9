/* Nothing is wrong with it: it offers an interface that has grown since consumer was built. */
#include <apus/module.h>

typedef struct store_api { uint32_t size; int (*count)(void); int (*total)(void); } store_api;

static int count(void) { return 3; }
static int total(void) { return 30; }
static const store_api api = { sizeof(store_api), count, total };

static int declare(const apus_host *h) { return h->publish(h, "store/1", &api); }

APUS_MODULE(store) { APUS_HEADER, .name = "store", .version = "1.1", .declare = declare };
