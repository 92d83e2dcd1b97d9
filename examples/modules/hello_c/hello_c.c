#include <apus/module.h>

static int hello(const apus_call *c) {
    c->host->log->at(c, APUS_INFO, c->args[0].str);
    return APUS_TRUE;
}

static int declare(const apus_host *h) {
    return h->script->add_function(h, &(apus_function){
        APUS_STRUCT(apus_function), .name = "hello_c", .args = "text:format",
        .routes = APUS_ANY_ROUTE, .doc = "Logs the text.", .call = hello });
}

APUS_MODULE(hello_c) {
    APUS_HEADER, .name = "hello_c", .version = "1.0", .summary = "The smallest module, in C", .declare = declare };
