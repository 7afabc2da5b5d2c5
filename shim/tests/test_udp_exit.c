/* A program that sends one datagram and ends at once, as loggers and probes do: the datagram
 * arrives. */
#include "check.h"

int main(void)
{
    start();
    int d = bound(AF_INET, SOCK_DGRAM);
    union sa to = name_of(d);
    char buf[16];
    for (int i = 0; i < 5; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            int fd = socket(AF_INET, SOCK_DGRAM, 0);
            _exit(sendto(fd, "bye", 3, 0, &to.any, sa_len(&to)) == 3 ? 0 : 1);
        }
        reap(pid);
        CHECK(wait_for(d, POLLIN, 3000) & POLLIN);
        CHECK_EQ(recv(d, buf, sizeof(buf), 0), 3);
    }
    return 0;
}
