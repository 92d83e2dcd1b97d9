/*
 * apus/regex.h - regular expressions, compiled once: POSIX extended syntax as scripts write it, on PCRE2. Group: host->regex.
 */
#ifndef APUS_REGEX_H
#define APUS_REGEX_H

#include <apus/script.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    APUS_REGEX_CASE = 1u << 0,    /* case matters (scripts' expressions ignore it) */
    APUS_REGEX_DOTALL = 1u << 1,  /* . matches a line end too */
};

/* One group of a match: offsets into the subject; start is SIZE_MAX when the group took no part. */
typedef struct apus_match {
    size_t start, end;
} apus_match;

typedef struct apus_regex_api {
    uint32_t size;
    /* [declare] [start] Compiles; null and a complaint (its offset is in the pattern) when the pattern is wrong. *for ever*; of
     * what a function's `prepare` compiles *program* */
    const apus_regex *APUS_NULLABLE (*APUS_NONNULL compile)(const apus_host *APUS_NONNULL h, apus_str pattern, uint32_t flags,
                                               apus_complaint *APUS_NONNULL complaint);
    /* [worker] Compiles for the *run*: a pattern that is known only now. Costs a compilation. */
    const apus_regex *APUS_NULLABLE (*APUS_NONNULL compile_now)(const apus_call *APUS_NONNULL c, apus_str pattern, uint32_t flags);
    /*
     * [any] [no-alloc] Searches from `from`. The number of groups that were filled (at least 1: group 0 is the whole match), 0 when
     * nothing matches, negative when the search was given up (too complex a pattern for the text).
     */
    int (*APUS_NONNULL match)(const apus_regex *APUS_NONNULL r, apus_str subject, size_t from, apus_match *APUS_NULLABLE groups,
                 uint32_t capacity);
    /*
     * [any] Compiles for a list that is replaced while the server runs, such as a table's rows; as `compile`, but the expression is the module's until
     * `free`. It takes memory and, with a long pattern, milliseconds: not for every message.
     */
    const apus_regex *APUS_NULLABLE (*APUS_NONNULL make)(const apus_host *APUS_NONNULL h, apus_str pattern, uint32_t flags,
                                            apus_complaint *APUS_NONNULL complaint);
    /*
     * [any] Ends what `make` gave, and nothing else. Nobody matches it any more: of a list that workers read that is known in the `release` of
     * shared->retire. Null is fine.
     */
    void (*APUS_NONNULL free)(const apus_regex *APUS_NULLABLE r);
} apus_regex_api;

#ifdef __cplusplus
}
#endif
#endif
