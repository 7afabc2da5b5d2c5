/* A server that binds, goes into the background and whose first process ends is still reached. */
#include "check.h"

int main(void)
{
    start();
    int l = listener(AF_INET);
    union sa a = name_of(l);
    char buf[8];
    pid_t first = fork();
    CHECK(first >= 0);
    if (first == 0) {
        if (fork() != 0)
            _exit(0);
        setsid();
        for (int i = 0; i < 2; i++) {
            int s = accept(l, NULL, NULL);
            CHECK(s >= 0);
            write_all(s, "daemon", 6);
            close(s);
        }
        _exit(0);
    }
    reap(first);
    close(l);
    usleep(300000);
    for (int i = 0; i < 2; i++) {
        int c = connected_to(&a, SOCK_STREAM);
        read_all(c, buf, 6);
        CHECK(memcmp(buf, "daemon", 6) == 0);
        close(c);
    }
    return 0;
}
