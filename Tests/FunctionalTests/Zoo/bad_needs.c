/* Needs something that is no interface. */
#include <apus/module.h>

APUS_MODULE(bad_needs) { APUS_HEADER, .name = "bad_needs", .version = "1.0", .needs = "tm" };
