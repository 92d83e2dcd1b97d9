/* What modules of the tests declare. */
#include <apus/module.h>

/* Declares all functions of an array; APUS_FALSE when one is refused. */
#define ADD_FUNCTIONS(h, functions) add_functions((h), (functions), sizeof(functions) / sizeof *(functions))

static inline int add_functions(const apus_host *h, const apus_function *functions, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (h->script->add_function(h, &functions[i]) != APUS_TRUE) return APUS_FALSE;
    return APUS_TRUE;
}
