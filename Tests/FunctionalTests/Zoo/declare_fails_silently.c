/* Refuses to be declared and does not say why. */
#include <apus/module.h>

static int declare(const apus_host *h) { return APUS_FALSE; }

APUS_MODULE(declare_fails_silently) { APUS_HEADER, .name = "declare_fails_silently", .version = "1.0", .declare = declare };
