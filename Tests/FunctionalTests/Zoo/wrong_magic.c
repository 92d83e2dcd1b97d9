/* The description does not begin with APUS_HEADER's magic number. */
#include <apus/module.h>

APUS_MODULE(wrong_magic) {
    .magic = 0x0badf00du, .size = sizeof(apus_module), .abi_major = APUS_ABI_MAJOR, .abi_minor = APUS_ABI_MINOR,
    .name = "wrong_magic", .version = "1.0" };
