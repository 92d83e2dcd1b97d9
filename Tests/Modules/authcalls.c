/*
 * Knows one user, alice with the password secret, and checks credentials by auth's interface on behalf of a script.
 *
 *   authenticate("password"|"ha1")  checks Proxy-Authorization of the realm test; what it came to stands in X-Result of replies
 *   challenge(algorithms)           auth->challenge
 *   consume()                       auth->consume
 */
#include <apus/auth.h>
#include "functions.h"
#include <stdio.h>
#include <string.h>

static const auth_api *auth;

static int judge(const apus_call *c, auth_check *check, int with_ha1) {
    const apus_host *h = c->host;
    const uint32_t kind = with_ha1 ? AUTH_HA1 : AUTH_PASSWORD;
    if (check->user.len != 5 || memcmp(check->user.s, "alice", 5)) return auth->check_nobody(h, check, kind);
    char ha1[AUTH_LONGEST_HA1];
    apus_str secret = APUS_STR("secret");
    if (with_ha1) {
        size_t length = auth->calc_ha1(h, check->algorithm, check->credentials.username, check->realm, secret, ha1);
        secret = (apus_str){ha1, length};
    }
    int result = auth->check_response(h, check, secret, kind);
    return result == AUTH_GOOD ? auth->post_auth(h, c->msg, check) : result;
}

static int authenticate(const apus_call *c) {
    auth_check check = {APUS_STRUCT(auth_check), .kind = AUTH_PROXY, .realm = APUS_STR("test")};
    int result = auth->pre_auth(c->host, c->msg, &check);
    if (result == AUTH_UNDECIDED) result = judge(c, &check, c->args[0].num == 1);
    char line[32];
    int length = snprintf(line, sizeof line, "X-Result: %d\r\n", result);
    c->host->message->append_to_reply(c->msg, (apus_str){line, (size_t)length});
    return result;
}

static int challenge(const apus_call *c) {
    return auth->challenge(c->host, c->msg, AUTH_PROXY, APUS_STR("test"), AUTH_QOP_AUTH, c->args[0].str);
}

static int consume(const apus_call *c) { return auth->consume(c->host, c->msg); }

static int declare(const apus_host *h) {
    const apus_function functions[] = {
        {APUS_STRUCT(apus_function), .name = "authenticate", .args = "secret:word(password|ha1)",
         .routes = APUS_REQUEST_ROUTE, .doc = "Checks credentials.", .call = authenticate},
        {APUS_STRUCT(apus_function), .name = "challenge", .args = "algorithms:string", .routes = APUS_REQUEST_ROUTE,
         .doc = "Challenges.", .call = challenge},
        {APUS_STRUCT(apus_function), .name = "consume", .routes = APUS_REQUEST_ROUTE, .doc = "Removes credentials.",
         .call = consume},
    };
    return ADD_FUNCTIONS(h, functions);
}

static int start(const apus_host *h) {
    auth = load_auth(h);
    return auth ? APUS_TRUE : APUS_FALSE;
}

APUS_MODULE(authcalls) {
    APUS_HEADER, .name = "authcalls", .version = "1.0", .needs = "auth/1", .declare = declare, .start = start };
