/*
 * A door for tests: executes commands that come by a unix datagram socket, one line for the name and one for each argument, in which the
 * byte 1 stands for a line end, and sends back the code, a newline and the answer. modparam("rpcdoor", "socket", PATH). A thread of its own
 * reads; answers leave from `done`.
 */
#include <apus/module.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const apus_host *host;
static apus_str path;
static int fd = -1;
static pthread_t thread;

typedef struct caller {
    struct sockaddr_un address;
    socklen_t length;
} caller;

static void done(const apus_host *h, int code, apus_str answer, void *user) {
    caller *to = user;
    size_t room = answer.len + 32;
    char *text = malloc(room);
    if (text) {
        size_t length = (size_t)snprintf(text, room, "%d\n", code);
        memcpy(text + length, answer.s, answer.len);
        if (sendto(fd, text, length + answer.len, MSG_DONTWAIT, (struct sockaddr *)&to->address, to->length) < 0)
            h->log->write(h, APUS_ERR, APUS_STR("the answer cannot be sent"));
        free(text);
    }
    free(to);
}

static void *serve(void *unused) {
    static char buffer[65536];
    for (;;) {
        caller *from = calloc(1, sizeof *from);
        if (!from) return NULL;
        from->length = sizeof from->address;
        ssize_t count = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from->address, &from->length);
        if (count <= 0) {
            free(from);
            if (count < 0 && errno == EINTR) continue;
            return NULL;
        }
        apus_str parts[64];
        uint32_t n = 0;
        for (char *at = buffer, *end = buffer + count; at <= end && n < 64;) {
            char *stop = memchr(at, '\n', (size_t)(end - at));
            if (!stop) stop = end;
            for (char *c = at; c < stop; c++)
                if (*c == 1) *c = '\n';
            parts[n++] = (apus_str){at, (size_t)(stop - at)};
            at = stop + 1;
        }
        host->rpc->execute(host, parts[0], parts + 1, n - 1, done, from);
    }
}

static int start(const apus_host *h) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path.len == 0 || path.len >= sizeof address.sun_path) {
        h->log->write(h, APUS_ERR, APUS_STR("the parameter socket is missing or too long"));
        return APUS_FALSE;
    }
    memcpy(address.sun_path, path.s, path.len);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || pthread_create(&thread, NULL, serve, NULL)) {
        h->log->write(h, APUS_ERR, APUS_STR("the socket cannot be opened"));
        return APUS_FALSE;
    }
    return APUS_TRUE;
}

static void stop(const apus_host *h) {
    shutdown(fd, SHUT_RD);
    pthread_join(thread, NULL);
    close(fd);
}

static int declare(const apus_host *h) {
    host = h;
    return h->config->add_parameter(h, &(apus_parameter){
        APUS_STRUCT(apus_parameter), .kind = APUS_PARAM_STRING, .name = "socket", .doc = "Path of the socket.",
        .initial = "", .into = &path });
}

APUS_MODULE(rpcdoor) {
    APUS_HEADER, .name = "rpcdoor", .version = "1.0", .declare = declare, .start = start, .stop = stop };
