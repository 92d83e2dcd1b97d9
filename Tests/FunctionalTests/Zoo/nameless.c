/* Has no name. */
#include <apus/module.h>

APUS_MODULE(nameless) { APUS_HEADER, .version = "1.0" };
