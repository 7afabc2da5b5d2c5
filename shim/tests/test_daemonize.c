/* A server that binds, forks into the background and whose first process ends, is still reached. */
#include "t.h"

int main(void)
{
    uint16_t port;
    int      l = listener(&port), tell[2];
    char     buf[8];

    CHECK(pipe(tell) == 0);
    pid_t first = fork();
    if (first == 0) {
        if (fork() != 0)
            _exit(0);
        setsid();
        int s = accept(l, NULL, NULL);
        CHECK(s >= 0 && send(s, "daemon", 6, 0) == 6);
        _exit(0);
    }
    child_ok(first);
    close(l);
    struct timespec t = {0, 300000000};
    nanosleep(&t, NULL);
    int c = connected(port);
    CHECK(recv(c, buf, 6, MSG_WAITALL) == 6 && memcmp(buf, "daemon", 6) == 0);
    return 0;
}
