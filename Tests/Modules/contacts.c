/* contacts.so - adds branches as a registrar does: with q and +sip.instance. */
#include <apus/module.h>
#include "functions.h"

/* contact(uri, q in thousandths or -1, instance) */
static int contact(const apus_call *c) {
    const apus_branch branch = {
        APUS_STRUCT(apus_branch),
        .q = (int32_t)c->args[1].num,
        .uri = c->args[0].str,
        .destination = {0, 0},
        .path = {0, 0},
        .instance = c->args[2].str,
        .ruid = {0, 0},
        .user_agent = {0, 0},
    };
    return c->host->branches->append(c->msg, &branch);
}

/* rich_contact(uri, q in thousandths or -1, branch flags, path) */
static int rich_contact(const apus_call *c) {
    const apus_branch branch = {
        APUS_STRUCT(apus_branch),
        .q = (int32_t)c->args[1].num,
        .flags = (uint32_t)c->args[2].num,
        .uri = c->args[0].str,
        .path = c->args[3].str,
    };
    return c->host->branches->append(c->msg, &branch);
}

/* registered(uri, ruid): the contact of a record in a location table */
static int registered(const apus_call *c) {
    const apus_branch branch = {
        APUS_STRUCT(apus_branch), .q = -1, .uri = c->args[0].str, .ruid = c->args[1].str,
    };
    return c->host->branches->append(c->msg, &branch);
}

/* Takes the Request-URI out of the destination set. */
static int no_request_uri(const apus_call *c) {
    c->host->branches->set_new(c->msg, 0);
    return APUS_TRUE;
}

static int declare(const apus_host *h) {
    const apus_function functions[] = {
        {APUS_STRUCT(apus_function), .name = "contact", .args = "uri:format, q:int, instance:format",
         .routes = APUS_ANY_ROUTE, .doc = "Adds a branch.", .call = contact},
        {APUS_STRUCT(apus_function), .name = "rich_contact", .args = "uri:format, q:int, flags:int, path:format",
         .routes = APUS_ANY_ROUTE, .doc = "Adds a branch with flags and a path.", .call = rich_contact},
        {APUS_STRUCT(apus_function), .name = "registered", .args = "uri:format, ruid:format",
         .routes = APUS_ANY_ROUTE, .doc = "Adds a branch of a record.", .call = registered},
        {APUS_STRUCT(apus_function), .name = "no_request_uri", .routes = APUS_ANY_ROUTE,
         .doc = "Takes the Request-URI out of the destination set.", .call = no_request_uri},
    };
    return ADD_FUNCTIONS(h, functions);
}

APUS_MODULE(contacts) { APUS_HEADER, .name = "contacts", .version = "1.0", .declare = declare };
