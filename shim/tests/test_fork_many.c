/* Many children that use nothing, and many that each talk: the parent's sockets are not disturbed.
 */
#include "check.h"

#define IDLE    500
#define TALKING 50

int main(void)
{
    start();
    int l = listener(AF_INET), p[2];
    union sa a = name_of(l);
    char buf[8];
    stream_pair(AF_INET, p);
    for (int i = 0; i < IDLE; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            _exit(0);
        reap(pid);
    }
    for (int i = 0; i < TALKING; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            int c = connected_to(&a, SOCK_STREAM);
            write_all(c, "kid", 3);
            _exit(0);
        }
        int s = accept(l, NULL, NULL);
        CHECK(s >= 0);
        read_all(s, buf, 3);
        close(s);
        reap(pid);
    }
    check_stream(p[0], p[1]);
    return 0;
}
