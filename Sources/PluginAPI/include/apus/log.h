/*
 * apus/log.h - the server's log. Group: host->log.
 */
#ifndef APUS_LOG_H
#define APUS_LOG_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kamailio's levels; a line is written when its level is at most the core parameter `debug`. */
enum {
    APUS_ALERT = -5,
    APUS_BUG = -4,
    APUS_CRIT = -2,
    APUS_ERR = -1,
    APUS_WARN = 0,
    APUS_NOTICE = 1,
    APUS_INFO = 2,
    APUS_DBG = 3,
};

typedef struct apus_log_api {
    uint32_t size;

    /* [any] [no-alloc] Whether a line of this level would be written: ask before building an expensive text. */
    int (*APUS_NONNULL enabled)(const apus_host *APUS_NONNULL h, int level);

    /*
     * [any] [no-alloc] Writes one line, with the module's name in front. Control characters are escaped; a line that repeats more than
     * ten times a second is counted instead. Never blocks: what the log cannot take is dropped and counted.
     * During `declare` and `start`, and in a parameter's setter, the text is kept as the reason of a failure that follows.
     */
    void (*APUS_NONNULL write)(const apus_host *APUS_NONNULL h, int level, apus_str text);

    /* [worker] [no-alloc] The same, with file and line of the script statement that makes the call. */
    void (*APUS_NONNULL at)(const apus_call *APUS_NONNULL c, int level, apus_str text);

    /*
     * [worker] [no-alloc] A line that belongs to the script's author: never limited, no module name, a missing newline is added.
     * `facility` is a syslog facility (LOG_LOCAL0 ...) or -1 for the configured one. U+FDD0 and two of the letters xsrgybpcw, foreground and
     * background, stand for a change of colours: default, black, red, green, yellow, blue, purple, cyan, white; a capital foreground is bold. It
     * is left out where colours are not shown.
     */
    void (*APUS_NONNULL script_line)(const apus_call *APUS_NONNULL c, int level, int facility, apus_str text);

    /*
     * [worker] [no-alloc] From now on what is logged while the run of this call works is chosen by this level, not by the core parameter
     * `debug`; `reset_level`: by the parameter again. It ends with the run.
     */
    void (*APUS_NONNULL set_level)(const apus_call *APUS_NONNULL c, int level);
    void (*APUS_NONNULL reset_level)(const apus_call *APUS_NONNULL c);

    /* [declare] [start] The syslog facility of a name such as "LOG_LOCAL3" or "LOCAL3"; -1 when there is none. */
    int (*APUS_NONNULL facility)(apus_str name);

    /* [start] Colours are shown wherever the log goes; otherwise on standard error only. */
    void (*APUS_NONNULL show_colours)(const apus_host *APUS_NONNULL h);
} apus_log_api;

#ifdef __cplusplus
}
#endif
#endif
