#pragma once

/* What the build said of itself, if it did; both live for ever. */

/* The source: a tag, or a tag and the commits since; empty when not known. */
const char *build_revision(void);
/* Seconds since 1970 that the source is old, in decimal digits; empty when not known. Not the time of the build: that would make each one differ. */
const char *build_epoch(void);
