/*
 * apus/auth.h - digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760), for modules that know passwords. Published by auth.so under the
 * id "auth/1".
 *
 * A check has three steps, between which the module may wait for whoever knows the password:
 *
 *   auth_check check = { APUS_STRUCT(auth_check), .kind = AUTH_PROXY };
 *   int result = auth->pre_auth(h, c->msg, &check);
 *   if (result != AUTH_UNDECIDED) return result;
 *   ... look check.user and check.domain up; whoever waits for that has the check in script->allocate, not on the stack ...
 *   result = found ? auth->check_response(h, &check, secret, AUTH_PASSWORD) : auth->check_nobody(h, &check, AUTH_PASSWORD);
 *   return result == AUTH_GOOD ? auth->post_auth(h, c->msg, &check) : result;
 *
 * Hashes take no memory from the server; OpenSSL 3.0 takes some 100 bytes from malloc for each and gives them back.
 *
 * Somebody unknown costs as much as a wrong password, if the module calls check_nobody, and is answered the same by the challenge.
 */
#ifndef APUS_AUTH_H
#define APUS_AUTH_H

#include <apus/module.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AUTH_API "auth/1"

/* What a check has come to; they are the return codes of Kamailio's functions. */
enum {
    AUTH_GOOD = 1,            /* or the request is none that can be challenged: ACK, CANCEL, PRACK */
    AUTH_UNDECIDED = 2,       /* of pre_auth: there are credentials, the password decides */
    AUTH_ANSWERED = 0,        /* the credentials were malformed, the request was answered 400 */
    AUTH_ERROR = -1,          /* a nonce that is not ours, an algorithm that was not offered, memory is out */
    AUTH_WRONG_PASSWORD = -2,
    AUTH_UNKNOWN_USER = -3,
    AUTH_STALE_NONCE = -4,    /* the response is right, the nonce has expired or was made for another message */
    AUTH_NO_CREDENTIALS = -5, /* for that realm */
    AUTH_NONCE_REUSED = -6,   /* the response is right, but was used before */
    AUTH_USER_MISMATCH = -8,
};

/* Where credentials stand and challenges go. */
enum {
    AUTH_WWW = 1,   /* Authorization; 401 with WWW-Authenticate */
    AUTH_PROXY = 2, /* Proxy-Authorization; 407 with Proxy-Authenticate */
};

/* auth_check.flags */
enum {
    AUTH_KEEP_COUNT = 1u << 0, /* a wrong password does not use up the nonce count */
};

/* What a secret is. */
enum {
    AUTH_PASSWORD = 1,
    AUTH_HA1 = 2, /* hex(H(user:realm:password)), of the algorithm of the credentials */
};

/* Bits of a challenge; they are those of Kamailio's functions. */
enum {
    AUTH_QOP_AUTH = 1u << 0,
    AUTH_QOP_AUTH_INT = 1u << 1,
    AUTH_NO_500 = 1u << 2, /* what cannot be challenged is not answered 500 */
    AUTH_STALE = 1u << 4,
};

/* Algorithms (RFC 8760 section 2.1). */
enum {
    AUTH_MD5 = 1,
    AUTH_SHA_256 = 2,
    AUTH_SHA_512_256 = 3,
    AUTH_SHA_512 = 4,
};

/* Bytes of the longest HA1. */
#define AUTH_LONGEST_HA1 128

/* One check of one request: the caller's memory, which must stay while it waits. Texts live as long as the message's run. */
typedef struct auth_check {
    uint32_t size;
    uint32_t kind;    /* AUTH_WWW, AUTH_PROXY */
    uint32_t flags;   /* AUTH_KEEP_COUNT */
    uint32_t algorithm; /* by pre_auth: that of the credentials */
    apus_str realm;   /* in: which credentials; empty: the host of To for REGISTER, else of From. By pre_auth: without realm_prefix */
    apus_str method;  /* in: that the digest is made of; null s: the request's */
    apus_str user;    /* by pre_auth: of the username, up to its @ */
    apus_str domain;  /* by pre_auth: of the username, else the realm */
    apus_credentials credentials; /* by pre_auth */
    apus_str value;   /* by pre_auth: of the header that they stand in */

    /* The module auth's own. */
    int32_t verdict;
    uint32_t is_session;
    uint64_t nonce_number;
    apus_str body;
    char ha1[AUTH_LONGEST_HA1];
    uint32_t ha1_length;
    uint32_t count;
} auth_check;

typedef struct auth_api {
    uint32_t size;

    /*
     * [worker] Finds the credentials of the realm, and looks at their form and nonce. AUTH_UNDECIDED: ask check_response. Everything
     * else is final.
     */
    int (*APUS_NONNULL pre_auth)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m, auth_check *APUS_NONNULL check);
    /*
     * [worker] Compares the response with what the secret (AUTH_PASSWORD, AUTH_HA1) makes of it, in a time that says nothing of where they
     * differ. AUTH_GOOD, AUTH_WRONG_PASSWORD, or AUTH_ERROR for an HA1 that cannot be one.
     */
    int (*APUS_NONNULL check_response)(const apus_host *APUS_NONNULL h, auth_check *APUS_NONNULL check, apus_str secret,
                                       uint32_t secret_kind);
    /*
     * [worker] Instead of check_response where there is no such user; takes as long as that with a secret of this kind.
     * AUTH_UNKNOWN_USER.
     */
    int (*APUS_NONNULL check_nobody)(const apus_host *APUS_NONNULL h, auth_check *APUS_NONNULL check, uint32_t secret_kind);
    /*
     * [worker] After AUTH_GOOD: uses the nonce up, marks the credentials as authorized (message->authorized) and adds Authentication-Info, if
     * that is wanted. AUTH_GOOD, AUTH_STALE_NONCE, AUTH_NONCE_REUSED (the next challenge says so), AUTH_ERROR.
     */
    int (*APUS_NONNULL post_auth)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m, auth_check *APUS_NONNULL check);
    /* [worker] HA1 in hexadecimal, at most AUTH_LONGEST_HA1 bytes; how many; 0 for an unknown algorithm. */
    size_t (*APUS_NONNULL calc_ha1)(const apus_host *APUS_NONNULL h, uint32_t algorithm, apus_str user, apus_str realm,
                                    apus_str password, char *APUS_NONNULL ha1);
    /*
     * [worker] Answers the request 401 or 407 with a challenge for each algorithm: the script's www_challenge. `algorithms` are names with commas
     * between them; empty: what the module was told. APUS_TRUE; -2 (not made), -3 (not sent), -4 (nor was the 500) as Kamailio's.
     */
    int (*APUS_NONNULL challenge)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m, uint32_t kind, apus_str realm,
                                  uint32_t flags, apus_str algorithms);
    /* [worker] Removes the header of the authorized credentials. APUS_FALSE when there are none. */
    int (*APUS_NONNULL consume)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m);
    /*
     * [start] `failed` is called on the worker for each check that ends with a wrong password or an unknown user: `user` is the credentials' up to its @,
     * `domain` what follows, else the realm. They live for the *call*. It must not block.
     */
    int (*APUS_NONNULL on_failure)(const apus_host *APUS_NONNULL h,
                                   void (*APUS_NONNULL failed)(const apus_host *APUS_NONNULL h, apus_str user,
                                                               apus_str domain, void *APUS_NULLABLE user_data),
                                   void *APUS_NULLABLE user_data);
} auth_api;

/* [start] auth's interface; null with a logged reason when auth.so is not loaded. A module names "auth/1" in `needs`. */
static inline const auth_api *APUS_NULLABLE load_auth(const apus_host *APUS_NONNULL h) {
    return (const auth_api *)h->find(h, AUTH_API, (uint32_t)sizeof(auth_api));
}

#ifdef __cplusplus
}
#endif
#endif
