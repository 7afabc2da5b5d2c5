/* Half-close, reset and SIGPIPE. */
#include "t.h"

int main(void)
{
    int  p[2];
    char buf[16];

    tcp_pair(p);
    CHECK(send(p[0], "last", 4, 0) == 4 && shutdown(p[0], SHUT_WR) == 0);
    CHECK(recv(p[1], buf, sizeof(buf), 0) == 4 && recv(p[1], buf, sizeof(buf), 0) == 0);
    CHECK(send(p[1], "answer", 6, 0) == 6);
    CHECK(recv(p[0], buf, sizeof(buf), 0) == 6);
    FAILS(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    close(p[1]);
    CHECK(recv(p[0], buf, sizeof(buf), 0) == 0);

    tcp_pair(p);
    CHECK(shutdown(p[1], SHUT_RDWR) == 0);
    CHECK(recv(p[0], buf, sizeof(buf), 0) == 0);
    CHECK(recv(p[1], buf, sizeof(buf), 0) == 0);

    /* Closed with unread data: the other side sees a reset. */
    tcp_pair(p);
    CHECK(send(p[0], "unread", 6, 0) == 6 && polled(p[1], POLLIN, 3000));
    close(p[1]);
    CHECK(polled(p[0], POLLIN, 3000) & POLLIN);
    FAILS(recv(p[0], buf, sizeof(buf), 0), ECONNRESET);

    tcp_pair(p);
    close(p[1]);
    signal(SIGPIPE, SIG_IGN);
    ssize_t n = 0;
    for (int i = 0; i < 100 && n >= 0; i++) {
        n = send(p[0], "x", 1, 0);
        usleep(1000);
    }
    CHECK(n == -1 && (errno == EPIPE || errno == ECONNRESET));
    int u = socket(AF_INET, SOCK_STREAM, 0);
    FAILS(shutdown(u, SHUT_WR), ENOTCONN);
    return 0;
}
