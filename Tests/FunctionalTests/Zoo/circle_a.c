/* Needs circle_b, which needs circle_a. */
#include <apus/module.h>

static const struct { uint32_t size; } table = { sizeof table };

static int declare(const apus_host *h) { return h->publish(h, "circle_a/1", &table); }

APUS_MODULE(circle_a) { APUS_HEADER, .name = "circle_a", .version = "1.0", .needs = "circle_b/1", .declare = declare };
