/* Sockets passed to another process by SCM_RIGHTS: a listener, a connection and datagram sockets
 * stay what they are. */
#include "check.h"

static void send_fd(int over, int fd)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)"x", .iov_len = 1};
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof(control.room)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    CHECK_EQ(sendmsg(over, &msg, 0), 1);
}

static int receive_fd(int over)
{
    char byte;
    int fd = -1;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof(control.room)};
    CHECK_EQ(recvmsg(over, &msg, MSG_CMSG_CLOEXEC), 1);
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    CHECK(c != NULL && c->cmsg_type == SCM_RIGHTS);
    memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    return fd;
}

static int other_process(int over)
{
    char buf[16];
    union sa from;
    socklen_t len = sizeof(from);
    int l = receive_fd(over), s = receive_fd(over), d = receive_fd(over), u = receive_fd(over);

    int c = accept(l, &from.any, &len);
    CHECK(c >= 0);
    CHECK_EQ(from.any.sa_family, AF_INET);
    write_all(c, "accepted", 8);

    union sa p = peer_of(s);
    CHECK_EQ(p.any.sa_family, AF_INET);
    read_all(s, buf, 4);
    write_all(s, buf, 4);

    CHECK_EQ(recv(d, buf, sizeof(buf), 0), 3); /* connected */
    CHECK_EQ(send(d, buf, 3, 0), 3);

    len = sizeof(from);
    CHECK_EQ(recvfrom(u, buf, sizeof(buf), 0, &from.any, &len), 6); /* bound */
    CHECK_EQ(len, sizeof(from.v4));
    CHECK_EQ(sendto(u, buf, 6, 0, &from.any, len), 6);
    return 0;
}

int main(void)
{
    start();
    int over[2], stream[2], dg[2];
    char buf[16];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, over) == 0);
    pid_t pid = fork(); /* before there are sockets to inherit */
    CHECK(pid >= 0);
    if (pid == 0)
        return other_process(over[1]);

    int l = listener(AF_INET);
    union sa a = name_of(l);
    stream_pair(AF_INET, stream);
    dgram_pair(AF_INET, dg);
    int u = bound(AF_INET, SOCK_DGRAM);
    union sa ua = name_of(u);
    send_fd(over[0], l);
    send_fd(over[0], stream[1]);
    send_fd(over[0], dg[1]);
    send_fd(over[0], u);
    close(l);
    close(stream[1]);
    close(dg[1]);
    close(u);

    int c = connected_to(&a, SOCK_STREAM);
    read_all(c, buf, 8);
    CHECK(memcmp(buf, "accepted", 8) == 0);
    write_all(stream[0], "echo", 4);
    read_all(stream[0], buf, 4);
    CHECK(memcmp(buf, "echo", 4) == 0);
    CHECK_EQ(send(dg[0], "abc", 3, 0), 3);
    CHECK_EQ(recv(dg[0], buf, sizeof(buf), 0), 3);
    int client = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(sendto(client, "unconn", 6, 0, &ua.any, sa_len(&ua)), 6);
    CHECK_EQ(recv(client, buf, sizeof(buf), 0), 6);
    reap(pid);
    return 0;
}
