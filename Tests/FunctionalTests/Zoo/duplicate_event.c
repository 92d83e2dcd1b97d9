/* Declares an event twice. */
#include <apus/module.h>

static int declare(const apus_host *h) {
    if (h->events->add(h, "bell", "When it rings.") < 0) return APUS_FALSE;
    return h->events->add(h, "bell", "When it rings again.");
}

APUS_MODULE(duplicate_event) { APUS_HEADER, .name = "duplicate_event", .version = "1.0", .declare = declare };
