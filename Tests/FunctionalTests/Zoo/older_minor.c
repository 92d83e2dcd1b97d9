/* Built for an older minor version, which is refused as long as the major one is 0. */
#include <apus/module.h>

APUS_MODULE(older_minor) {
    .magic = APUS_MAGIC, .size = sizeof(apus_module), .abi_major = APUS_ABI_MAJOR, .abi_minor = APUS_ABI_MINOR - 1,
    .name = "older_minor", .version = "1.0" };
