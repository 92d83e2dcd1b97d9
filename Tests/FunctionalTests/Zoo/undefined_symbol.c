/* Calls a function that nobody has. */
#include <apus/module.h>

int function_that_nobody_has(void);

static int start(const apus_host *h) { return function_that_nobody_has(); }

APUS_MODULE(undefined_symbol) { APUS_HEADER, .name = "undefined_symbol", .version = "1.0", .start = start };
