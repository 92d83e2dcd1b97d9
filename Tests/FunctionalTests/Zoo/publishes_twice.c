/* Offers one interface twice. */
#include <apus/module.h>

static const struct { uint32_t size; } table = { sizeof table };

static int declare(const apus_host *h) {
    if (h->publish(h, "publishes_twice/1", &table) < 0) return APUS_FALSE;
    return h->publish(h, "publishes_twice/1", &table);
}

APUS_MODULE(publishes_twice) { APUS_HEADER, .name = "publishes_twice", .version = "1.0", .declare = declare };
