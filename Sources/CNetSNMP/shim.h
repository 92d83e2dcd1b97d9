/*
 * Net-SNMP's agent library, and what of it Swift cannot see: functions that its headers do not declare, macros with casts, and whatever has to do
 * with descriptor sets, which Glibc's own module declares differently.
 */
/* First, as Glibc's own module has it: Net-SNMP's configuration asks for other declarations. */
#include <sys/select.h>
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/large_fd_set.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>
#include <net-snmp/agent/agent_callbacks.h>
#include <net-snmp/agent/ds_agent.h>
#include <poll.h>

/* Exported by the library since its version 5.0; its headers do not name them. */
int subagent_open_master_session(void);
int subagent_startup(int major, int minor, void *server_argument, void *client_argument);
void agentx_check_session(unsigned int clientreg, void *clientarg);

enum {
    snmp_mode_get = SNMP_MSG_GET,
    snmp_mode_get_next = SNMP_MSG_GETNEXT,
    snmp_mode_reserve1 = SNMP_MSG_INTERNAL_SET_RESERVE1,
    snmp_mode_reserve2 = SNMP_MSG_INTERNAL_SET_RESERVE2,
    snmp_mode_action = SNMP_MSG_INTERNAL_SET_ACTION,
    snmp_mode_commit = SNMP_MSG_INTERNAL_SET_COMMIT,
    snmp_mode_undo = SNMP_MSG_INTERNAL_SET_UNDO,
    snmp_no_object = SNMP_NOSUCHOBJECT,
    snmp_no_instance = SNMP_NOSUCHINSTANCE,
    snmp_type_integer = ASN_INTEGER,
    snmp_type_counter = ASN_COUNTER,
    snmp_type_gauge = ASN_GAUGE,
    snmp_type_ticks = ASN_TIMETICKS,
    snmp_type_octets = ASN_OCTET_STR,
    snmp_type_oid = ASN_OBJECT_ID,
};

/*
 * Waits until the library has something to read or a timer of its own is due, `wakeup` or `bell` (-1: none) is readable, or so many milliseconds
 * are over; then lets the library work. Answers 1 for `wakeup`, 2 for `bell`, or their sum, when there is something to be read.
 */
static inline unsigned snmp_turn(int milliseconds, int wakeup, int bell) {
    netsnmp_large_fd_set set;
    struct timeval timeout = {3600, 0};
    struct pollfd waited[64];
    nfds_t used = 2;
    int count = 0, blocks = 0, some = 0;
    netsnmp_large_fd_set_init(&set, FD_SETSIZE);
    snmp_select_info2(&count, &set, &timeout, &blocks);
    if (!blocks && timeout.tv_sec * 1000 + timeout.tv_usec / 1000 < milliseconds)
        milliseconds = (int)(timeout.tv_sec * 1000 + timeout.tv_usec / 1000 + 1);
    waited[0] = (struct pollfd){.fd = wakeup, .events = POLLIN};
    waited[1] = (struct pollfd){.fd = bell, .events = POLLIN};
    /* An agent has two: its master, and its own callbacks. */
    for (int fd = 0; fd < count && used < 64; fd++)
        if (NETSNMP_LARGE_FD_ISSET(fd, &set)) waited[used++] = (struct pollfd){.fd = fd, .events = POLLIN};
    int ready = poll(waited, used, milliseconds);
    for (nfds_t i = 2; i < used; i++) {
        if (ready > 0 && waited[i].revents)
            some = 1;
        else
            NETSNMP_LARGE_FD_CLR(waited[i].fd, &set);
    }
    if (some) snmp_read2(&set);
    netsnmp_large_fd_set_cleanup(&set);
    snmp_timeout();
    run_alarms();
    netsnmp_check_outstanding_agent_requests();
    return ready > 0 ? (waited[0].revents != 0) + 2u * (waited[1].revents != 0) : 0;
}
