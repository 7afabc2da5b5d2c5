/* Port 0 gives a real port; names before and after bind, connect and accept are truthful. */
#include "t.h"

int main(void)
{
    struct sockaddr_in self, peer, any = v4(INADDR_ANY, 0);
    socklen_t          len = sizeof(self);
    int                l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);

    memset(&self, 0xff, sizeof(self));
    CHECK(getsockname(l, SA(self), &len) == 0 && len == sizeof(self));
    CHECK(self.sin_family == AF_INET && self.sin_port == 0 && self.sin_addr.s_addr == 0);
    CHECK(listen(l, 5) == 0); /* binds by itself */
    uint16_t port = port_of(l);
    CHECK(port >= 1024);
    int m = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(m, SA(any), sizeof(any)) == 0 && port_of(m) != 0 && port_of(m) != port);
    len = sizeof(self);
    CHECK(getsockname(m, SA(self), &len) == 0 && self.sin_addr.s_addr == 0);

    struct sockaddr_in a = lo4(port), bound = lo4(0);
    CHECK(bind(c, SA(bound), sizeof(bound)) == 0);
    uint16_t mine = port_of(c);
    CHECK(mine != 0);
    CHECK(connect(c, SA(a), sizeof(a)) == 0 && port_of(c) == mine);
    len   = sizeof(peer);
    int s = accept(l, SA(peer), &len);
    CHECK(s >= 0 && len == sizeof(peer) && ntohs(peer.sin_port) == mine);
    CHECK(peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    len = sizeof(self);
    CHECK(getsockname(s, SA(self), &len) == 0 && self.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && ntohs(self.sin_port) == port);
    len = sizeof(peer);
    CHECK(getpeername(c, SA(peer), &len) == 0 && ntohs(peer.sin_port) == port);
    /* A short buffer gets what fits, and the full length. */
    char small[4];
    len = sizeof(small);
    CHECK(getsockname(s, (struct sockaddr *)small, &len) == 0 && len == sizeof(struct sockaddr_in));
    /* An unbound client gets an address when it connects. */
    int k = connected(port);
    CHECK(port_of(k) != 0 && port_of(k) != mine);
    return 0;
}
