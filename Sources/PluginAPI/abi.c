/*
 * Includes every header of the contract, so that a change in any of them rebuilds whatever depends on PluginAPI,
 * and holds the layout down where the two languages must agree.
 */
#include <apus/base.h>

_Static_assert(sizeof(apus_str) == 2 * sizeof(void *), "apus_str is pointer and length");
