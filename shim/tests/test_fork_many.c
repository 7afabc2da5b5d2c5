/* A thousand children that use nothing, and a hundred that each talk; the parent's sockets are not disturbed. */
#include "t.h"

int main(void)
{
    uint16_t port;
    int      l = listener(&port), p[2];
    char     buf[8];

    tcp_pair(p);
    for (int i = 0; i < 1000; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            _exit(0);
        child_ok(pid);
    }
    for (int i = 0; i < 100; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            int c = connected(port);
            CHECK(send(c, "kid", 3, 0) == 3);
            _exit(0);
        }
        int s = accept(l, NULL, NULL);
        CHECK(s >= 0 && recv(s, buf, 3, MSG_WAITALL) == 3);
        close(s);
        child_ok(pid);
    }
    pid_t v = vfork();
    if (v == 0)
        _exit(0);
    child_ok(v);
    echo_check(p[0], p[1], "still here");
    return 0;
}
