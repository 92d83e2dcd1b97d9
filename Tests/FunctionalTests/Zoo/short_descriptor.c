/* The description ends before its last members. */
#include <apus/module.h>

APUS_MODULE(short_descriptor) {
    .magic = APUS_MAGIC, .size = offsetof(apus_module, declare), .abi_major = APUS_ABI_MAJOR,
    .abi_minor = APUS_ABI_MINOR, .name = "short_descriptor", .version = "1.0" };
