/* Needs circle_a, which needs circle_b. */
#include <apus/module.h>

static const struct { uint32_t size; } table = { sizeof table };

static int declare(const apus_host *h) { return h->publish(h, "circle_b/1", &table); }

APUS_MODULE(circle_b) { APUS_HEADER, .name = "circle_b", .version = "1.0", .needs = "circle_a/1", .declare = declare };
