/* SCM_RIGHTS: connected, listening and datagram sockets work in the process that receives them. */
#include "t.h"

static void send_fds(int via, const int *fds, int n)
{
    char           c    = 'x';
    struct iovec   iov  = {&c, 1};
    char           ctl[CMSG_SPACE(3 * sizeof(int))] = {0};
    struct msghdr  m    = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl};

    m.msg_controllen    = CMSG_SPACE((size_t)n * sizeof(int));
    struct cmsghdr *h   = CMSG_FIRSTHDR(&m);
    h->cmsg_level       = SOL_SOCKET;
    h->cmsg_type        = SCM_RIGHTS;
    h->cmsg_len         = CMSG_LEN((size_t)n * sizeof(int));
    memcpy(CMSG_DATA(h), fds, (size_t)n * sizeof(int));
    CHECK(sendmsg(via, &m, 0) == 1);
}

static void recv_fds(int via, int *fds, int n)
{
    char          c;
    struct iovec  iov = {&c, 1};
    char          ctl[CMSG_SPACE(3 * sizeof(int))];
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)};

    CHECK(recvmsg(via, &m, 0) == 1 && c == 'x');
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    CHECK(h != NULL && h->cmsg_type == SCM_RIGHTS && h->cmsg_len == CMSG_LEN((size_t)n * sizeof(int)));
    memcpy(fds, CMSG_DATA(h), (size_t)n * sizeof(int));
}

int main(void)
{
    int      via[2], fds[3];
    uint16_t port, uport;
    char     buf[32];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, via) == 0);
    pid_t pid = fork(); /* before the sockets exist: the child knows nothing of them */
    if (pid == 0) {
        recv_fds(via[1], fds, 3);
        struct sockaddr_in from;
        socklen_t          len = sizeof(from);
        CHECK(recvfrom(fds[2], buf, sizeof(buf), 0, SA(from), &len) == 5 && memcmp(buf, "dgram", 5) == 0);
        CHECK(sendto(fds[2], "answer", 6, 0, SA(from), len) == 6);
        CHECK(send(fds[1], "passed", 6, 0) == 6);
        int s = accept(fds[0], NULL, NULL);
        CHECK(s >= 0 && send(s, "accepted", 8, 0) == 8);
        _exit(0);
    }
    int                l = listener(&port), c = connected(port), u = udp_bound(&uport);
    int                s = accept(l, NULL, NULL), k = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = lo4(uport);
    fds[0] = l, fds[1] = c, fds[2] = u;
    send_fds(via[0], fds, 3);
    close(l), close(c), close(u);
    CHECK(sendto(k, "dgram", 5, 0, SA(a), sizeof(a)) == 5);
    CHECK(recv(k, buf, sizeof(buf), 0) == 6 && memcmp(buf, "answer", 6) == 0);
    CHECK(recv(s, buf, 6, MSG_WAITALL) == 6 && memcmp(buf, "passed", 6) == 0);
    int n = connected(port);
    CHECK(recv(n, buf, 8, MSG_WAITALL) == 8 && memcmp(buf, "accepted", 8) == 0);
    child_ok(pid);
    return 0;
}
