/*
 * Includes every header of the contract, so that a change in any of them rebuilds whatever depends on PluginAPI,
 * and holds the layout down where the two languages must agree.
 */
#include <apus/module.h>
#include <apus/auth.h>
#include <apus/dialog.h>
#include <apus/sl.h>
#include <apus/tm.h>
#include <apus/usrloc.h>

_Static_assert(sizeof(apus_str) == 2 * sizeof(void *), "apus_str is pointer and length");
_Static_assert(sizeof(apus_value) == 32, "apus_value: kind, number, text");
_Static_assert(sizeof(apus_arg) == 72, "apus_arg: given, number, text, five pointers");
_Static_assert(sizeof(apus_db_value) == 40, "apus_db_value: kind, number, fraction, text");
_Static_assert(sizeof(apus_token) == 8, "apus_token is one number");
_Static_assert(offsetof(apus_module, abi_major) == 8, "the ABI check reads magic, size and version first");
