/* Built for a minor version that the server does not know yet. */
#include <apus/module.h>

APUS_MODULE(newer_minor) {
    .magic = APUS_MAGIC, .size = sizeof(apus_module), .abi_major = APUS_ABI_MAJOR, .abi_minor = APUS_ABI_MINOR + 1,
    .name = "newer_minor", .version = "1.0" };
