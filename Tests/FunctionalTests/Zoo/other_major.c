/* Built for another major version of the contract. */
#include <apus/module.h>

APUS_MODULE(other_major) {
    .magic = APUS_MAGIC, .size = sizeof(apus_module), .abi_major = APUS_ABI_MAJOR + 1, .abi_minor = APUS_ABI_MINOR,
    .name = "other_major", .version = "1.0" };
