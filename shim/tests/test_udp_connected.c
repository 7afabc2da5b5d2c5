/* Connected datagram sockets: filter, errors, connecting anew, and dissolving. */
#include "check.h"

static void filter(int af)
{
    char buf[16];
    int a = bound_for_good(af, SOCK_DGRAM), b = bound(af, SOCK_DGRAM), c = bound(af, SOCK_DGRAM);
    union sa na = name_of(a), nb = name_of(b), nc = name_of(c);
    CHECK(connect(a, &nb.any, sa_len(&nb)) == 0);
    union sa p = peer_of(a);
    CHECK(same_address(&p, &nb));
    CHECK_EQ(sendto(c, "stranger", 8, 0, &na.any, sa_len(&na)), 8);
    CHECK_EQ(sendto(b, "friend", 6, 0, &na.any, sa_len(&na)), 6);
    CHECK_EQ(recv(a, buf, sizeof(buf), 0), 6);
    CHECK_EQ(wait_for(a, POLLIN, 100), 0);
    CHECK_EQ(sendto(a, "else", 4, 0, &nc.any, sa_len(&nc)), 4); /* another destination for once */
    CHECK_EQ(recv(c, buf, sizeof(buf), 0), 4);

    CHECK(connect(a, &nc.any, sa_len(&nc)) == 0); /* another peer */
    CHECK_EQ(send(a, "to c", 4, 0), 4);
    union sa from;
    socklen_t len = sizeof(from);
    CHECK_EQ(recvfrom(c, buf, sizeof(buf), 0, &from.any, &len), 4);
    CHECK(same_address(&from, &na));

    union sa none = {.any.sa_family = AF_UNSPEC};
    CHECK(connect(a, &none.any, sizeof(none.v4)) == 0);
    CHECK_ERR(send(a, "x", 1, 0), EDESTADDRREQ);
    len = sizeof(from);
    CHECK_ERR(getpeername(a, &from.any, &len), ENOTCONN);
    from = name_of(a);
    CHECK_EQ(port_of(&from), port_of(&na)); /* bound by the program: keeps its port */
    CHECK_EQ(sendto(b, "anyone", 6, 0, &na.any, sa_len(&na)), 6);
    CHECK_EQ(recv(a, buf, sizeof(buf), 0), 6);
    close(a);
    close(b);
    close(c);
}

/* Nobody there: ECONNREFUSED once, on the next call or from SO_ERROR. */
static void refused(void)
{
    char buf[16];
    int gone = bound(AF_INET, SOCK_DGRAM);
    union sa a = name_of(gone);
    int fd = connected_to(&a, SOCK_DGRAM);
    union sa mine = name_of(fd);
    CHECK(port_of(&mine) != 0);
    CHECK_EQ(send(fd, "first", 5, 0), 5);
    CHECK_EQ(recv(gone, buf, sizeof(buf), 0), 5);
    close(gone);

    for (int way = 0; way < 3; way++) {
        int refusals = 0;
        for (int i = 0; i < 50 && refusals == 0; i++) {
            ssize_t n = send(fd, "x", 1, 0);
            if (n < 0) {
                CHECK_EQ(errno, ECONNREFUSED);
                refusals++;
                break;
            }
            int events = wait_for(fd, POLLIN, 100);
            if (events == 0)
                continue;
            if (way == 0) {
                CHECK_ERR(recv(fd, buf, sizeof(buf), 0), ECONNREFUSED);
                refusals++;
            } else if (way == 1) {
                int e = so_error(fd);
                CHECK_EQ(e, ECONNREFUSED);
                refusals++;
            } /* way 2: the next send reports it */
        }
        CHECK_EQ(refusals, 1);
        CHECK_EQ(so_error(fd), 0);
    }
    /* An unconnected socket hears nothing of it. */
    int free = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(sendto(free, "x", 1, 0, &a.any, sa_len(&a)), 1);
    CHECK_EQ(wait_for(free, POLLIN, 100), 0);
    CHECK_EQ(sendto(free, "x", 1, 0, &a.any, sa_len(&a)), 1);
    close(free);
    close(fd);
}

int main(void)
{
    start();
    filter(AF_INET);
    filter(AF_INET6);
    refused();
    return 0;
}
