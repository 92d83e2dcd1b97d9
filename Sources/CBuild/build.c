#include "CBuild.h"

/* A target of its own, and a dependency of the program alone: another revision rebuilds this and nothing else. */
#ifndef APUS_REVISION
#define APUS_REVISION ""
#endif
#ifndef APUS_EPOCH
#define APUS_EPOCH ""
#endif

const char *build_revision(void) { return APUS_REVISION; }
const char *build_epoch(void) { return APUS_EPOCH; }
