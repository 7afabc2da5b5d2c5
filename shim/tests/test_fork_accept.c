/* Prefork: children share a listening socket, each connection reaches one of them; the parent's
 * sockets stay its own. */
#include "check.h"

#define CHILDREN    4
#define CONNECTIONS 24

static void serve(int l)
{
    for (;;) {
        union sa peer;
        socklen_t len = sizeof(peer);
        int fd = accept(l, &peer.any, &len);
        char buf[4];
        CHECK(fd >= 0);
        CHECK_EQ(len, sizeof(peer.v4));
        read_all(fd, buf, 4);
        pid_t self = getpid();
        write_all(fd, &self, sizeof(self));
        int port = port_of(&peer);
        write_all(fd, &port, sizeof(port));
        close(fd);
        if (memcmp(buf, "stop", 4) == 0)
            exit(0);
    }
}

int main(void)
{
    start();
    int l = listener(AF_INET);
    union sa a = name_of(l);
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0)
            serve(l);
    }
    close(l); /* the children keep it alive */
    int stopped = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        bool stop = CONNECTIONS - i <= CHILDREN;
        int fd = connected_to(&a, SOCK_STREAM);
        union sa mine = name_of(fd);
        pid_t who;
        int port;
        write_all(fd, stop ? "stop" : "more", 4);
        read_all(fd, &who, sizeof(who));
        read_all(fd, &port, sizeof(port));
        CHECK_EQ(port, port_of(&mine));
        bool known = false;
        for (int c = 0; c < CHILDREN; c++)
            known = known || children[c] == who;
        CHECK(known);
        stopped += stop;
        close(fd);
    }
    CHECK_EQ(stopped, CHILDREN);
    for (int i = 0; i < CHILDREN; i++)
        reap(children[i]);

    /* The last holder is gone: the port is free and nobody answers. */
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_ERR(connect(fd, &a.any, sa_len(&a)), ECONNREFUSED);
    close(fd);
    return 0;
}
