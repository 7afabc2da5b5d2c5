/* Prefork: children accept from one listening socket; the parent may end first. */
#include "t.h"

int main(void)
{
    uint16_t port;
    int      l = listener(&port);
    pid_t    kids[3];
    char     buf[16];

    for (int i = 0; i < 3; i++) {
        kids[i] = fork();
        if (kids[i] == 0) {
            for (;;) {
                struct sockaddr_in peer, self;
                socklen_t          len = sizeof(peer);
                int                s   = accept(l, SA(peer), &len);
                CHECK(s >= 0 && peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
                len = sizeof(self);
                CHECK(getsockname(s, SA(self), &len) == 0 && ntohs(self.sin_port) == port);
                ssize_t n = recv(s, buf, sizeof(buf), 0);
                CHECK(n > 0 && send(s, buf, (size_t)n, 0) == n);
                if (memcmp(buf, "quit", 4) == 0)
                    _exit(0);
                close(s);
            }
        }
    }
    for (int i = 0; i < 20; i++) {
        int c = connected(port);
        CHECK(send(c, "ping", 4, 0) == 4 && recv(c, buf, 4, MSG_WAITALL) == 4);
        close(c);
    }
    close(l); /* the children's copies still listen */
    for (int i = 0; i < 3; i++) {
        int c = connected(port);
        CHECK(send(c, "quit", 4, 0) == 4 && recv(c, buf, 4, MSG_WAITALL) == 4);
        close(c);
    }
    for (int i = 0; i < 3; i++)
        child_ok(kids[i]);
    int                c = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = lo4(port);
    FAILS(connect(c, SA(a), sizeof(a)), ECONNREFUSED);
    return 0;
}
