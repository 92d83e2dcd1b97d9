/* Names itself otherwise than its file. */
#include <apus/module.h>

APUS_MODULE(other_name) { APUS_HEADER, .name = "another", .version = "1.0" };
