/* Its entry point answers nothing. */
#include <apus/module.h>

APUS_EXTERN const apus_module *apus_module_null_description(void);
const apus_module *apus_module_null_description(void) { return NULL; }
