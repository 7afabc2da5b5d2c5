/* Sockets that survive exec are still the same sockets: listening, connected, datagram. */
#include "t.h"

static int after_exec(char **argv)
{
    int                l = atoi(argv[2]), c = atoi(argv[3]), u = atoi(argv[4]);
    uint16_t           port = (uint16_t)atoi(argv[5]), uport = (uint16_t)atoi(argv[6]);
    int                v;
    socklen_t          len = sizeof(v);
    struct sockaddr_in a = lo4(uport), from;
    char               buf[16];

    CHECK(getsockopt(l, SOL_SOCKET, SO_DOMAIN, &v, &len) == 0 && v == AF_INET);
    CHECK(getsockopt(l, SOL_SOCKET, SO_TYPE, &v, &len) == 0 && v == SOCK_STREAM);
    CHECK(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &v, &len) == 0 && v == 1);
    CHECK(getsockopt(u, SOL_SOCKET, SO_TYPE, &v, &len) == 0 && v == SOCK_DGRAM);
    CHECK(port_of(l) == port && port_of(u) == uport);
    CHECK(getsockopt(c, IPPROTO_TCP, TCP_NODELAY, &v, &len) == 0 && v == 1);
    CHECK(send(c, "execd", 5, 0) == 5);
    int n = connected(port);
    int s = accept(l, NULL, NULL);
    echo_check(n, s, "accepted after exec");
    int k = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(sendto(k, "dgram", 5, 0, SA(a), sizeof(a)) == 5);
    len = sizeof(from);
    CHECK(recvfrom(u, buf, sizeof(buf), 0, SA(from), &len) == 5 && memcmp(buf, "dgram", 5) == 0);
    CHECK(from.sin_family == AF_INET && ntohs(from.sin_port) == port_of(k));
    return 0;
}

int main(int argc, char **argv)
{
    uint16_t port, uport;
    char     args[5][12], buf[8];
    int      one = 1;

    if (argc > 1)
        return after_exec(argv);
    int l = listener(&port), c = connected(port), u = udp_bound(&uport);
    int s = accept(l, NULL, NULL);
    CHECK(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        int v[] = {l, c, u, port, uport};
        for (int i = 0; i < 5; i++)
            snprintf(args[i], sizeof(args[i]), "%d", v[i]);
        /* An empty environment: what the launcher set must be kept all the same. */
        char *env[] = {NULL};
        execle("/proc/self/exe", argv[0], "after", args[0], args[1], args[2], args[3], args[4], NULL, env);
        _exit(9);
    }
    CHECK(recv(s, buf, 5, MSG_WAITALL) == 5 && memcmp(buf, "execd", 5) == 0);
    child_ok(pid);
    return 0;
}
