/* Needs an interface that no module offers. */
#include <apus/module.h>

APUS_MODULE(unmet_need) { APUS_HEADER, .name = "unmet_need", .version = "1.0", .needs = "nowhere/1 elsewhere/1?" };
