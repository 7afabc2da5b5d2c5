/* Sockets inherited over exec are what they were: a listener, a connection, datagram sockets; also
 * with an environment made anew. */
#include "check.h"

static int number(const char *s)
{
    return atoi(s);
}

/* argv: child LISTENER STREAM DGRAM PORT UNBOUND */
static int child(char **argv)
{
    char buf[16];
    int l = number(argv[2]), stream = number(argv[3]), dgram = number(argv[4]);
    int port = number(argv[5]), fresh = number(argv[6]);
    union sa a = name_of(l);
    CHECK_EQ(port_of(&a), port);
    CHECK_EQ(a.any.sa_family, AF_INET);
    int value = 0;
    socklen_t len = sizeof(value);
    CHECK(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0);
    CHECK_EQ(value, 1);
    CHECK(getsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &value, &len) == 0);
    CHECK_EQ(value, 1);

    read_all(stream, buf, 4);
    CHECK(memcmp(buf, "over", 4) == 0);
    write_all(stream, "exec", 4);

    CHECK_EQ(read(dgram, buf, sizeof(buf)), 5); /* by plain read, header or not */
    CHECK(memcmp(buf, "dgram", 5) == 0);
    CHECK_EQ(write(dgram, "reply", 5), 5);

    CHECK(connect(fresh, &a.any, sa_len(&a)) == 0);
    int s = accept(l, NULL, NULL);
    CHECK(s >= 0);
    check_stream(fresh, s);
    return 0;
}

static void run(const char *self, bool clean_environment)
{
    int pair[2], dg[2], one = 1;
    char args[5][12];
    int l = listener(AF_INET);
    union sa a = name_of(l);
    stream_pair(AF_INET, pair);
    dgram_pair(AF_INET, dg);
    int fresh = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(setsockopt(pair[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
    int values[5] = {l, pair[1], dg[1], port_of(&a), fresh};
    for (int i = 0; i < 5; i++)
        snprintf(args[i], sizeof(args[i]), "%d", values[i]);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        char *argv[] = {(char *)(uintptr_t)self,
                        (char *)(uintptr_t)"child",
                        args[0],
                        args[1],
                        args[2],
                        args[3],
                        args[4],
                        NULL};
        char *none[] = {(char *)(uintptr_t)"A=1", NULL};
        if (clean_environment)
            execve(self, argv, none);
        else
            execv(self, argv);
        _exit(9);
    }
    char buf[16];
    write_all(pair[0], "over", 4);
    CHECK_EQ(send(dg[0], "dgram", 5, 0), 5);
    read_all(pair[0], buf, 4);
    CHECK(memcmp(buf, "exec", 4) == 0);
    CHECK_EQ(recv(dg[0], buf, sizeof(buf), 0), 5);
    reap(pid);
    int fds[] = {l, pair[0], pair[1], dg[0], dg[1], fresh};
    for (int i = 0; i < 6; i++)
        close(fds[i]);
}

int main(int argc, char **argv)
{
    start();
    if (argc > 1)
        return child(argv);
    run("/proc/self/exe", false);
    run("/proc/self/exe", true);
    return 0;
}
