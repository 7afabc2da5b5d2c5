/* Connected UDP: send and recv without addresses, strangers are filtered, refusal is reported once, reconnect, disconnect. */
#include "t.h"

int main(void)
{
    uint16_t           sp, tp;
    int                s = udp_bound(&sp), t = udp_bound(&tp), c = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in as = lo4(sp), at = lo4(tp), from, me;
    socklen_t          len = sizeof(from);
    char               buf[64];

    FAILS(send(c, "x", 1, 0), EDESTADDRREQ);
    CHECK(connect(c, SA(as), sizeof(as)) == 0);
    CHECK(getpeername(c, SA(from), &len) == 0 && from.sin_port == htons(sp));
    len = sizeof(me);
    CHECK(getsockname(c, SA(me), &len) == 0 && me.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && me.sin_port != 0);
    CHECK(send(c, "to s", 4, 0) == 4);
    CHECK(write(c, "again", 5) == 5);
    CHECK(recv(s, buf, sizeof(buf), 0) == 4 && recv(s, buf, sizeof(buf), 0) == 5);
    CHECK(sendto(t, "stranger", 8, 0, SA(me), sizeof(me)) == 8);
    CHECK(sendto(s, "friend", 6, 0, SA(me), sizeof(me)) == 6);
    CHECK(read(c, buf, sizeof(buf)) == 6 && memcmp(buf, "friend", 6) == 0);
    CHECK(polled(c, POLLIN, 50) == 0);

    CHECK(connect(c, SA(at), sizeof(at)) == 0);
    CHECK(send(c, "to t", 4, 0) == 4 && recv(t, buf, sizeof(buf), 0) == 4);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    CHECK(connect(c, &none, sizeof(none)) == 0);
    len = sizeof(from);
    FAILS(getpeername(c, SA(from), &len), ENOTCONN);
    CHECK(sendto(c, "free", 4, 0, SA(as), sizeof(as)) == 4 && recv(s, buf, sizeof(buf), 0) == 4);

    uint16_t dead;
    int      d = udp_bound(&dead);
    close(d);
    struct sockaddr_in ad = lo4(dead);
    CHECK(connect(c, SA(ad), sizeof(ad)) == 0);
    CHECK(send(c, "nobody", 6, 0) == 6);
    CHECK(polled(c, POLLIN, 3000) != 0);
    FAILS(recv(c, buf, sizeof(buf), 0), ECONNREFUSED);
    FAILS(recv(c, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
    return 0;
}
