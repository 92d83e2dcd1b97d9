/* Its entry point has another name than the file. */
#include <apus/module.h>

APUS_MODULE(original) { APUS_HEADER, .name = "original", .version = "1.0" };
