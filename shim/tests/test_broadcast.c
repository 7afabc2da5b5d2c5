/* Broadcast needs SO_BROADCAST; sockets in other families and raw calls stay as they are. */
#include "t.h"

int main(void)
{
    int                u = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
    struct sockaddr_in b = v4(INADDR_BROADCAST, 9);

    FAILS(sendto(u, "x", 1, 0, SA(b), sizeof(b)), EACCES);
    CHECK(setsockopt(u, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)) == 0);
    int r = (int)sendto(u, "x", 1, 0, SA(b), sizeof(b));
    CHECK(r == 1 || errno == ENETUNREACH); /* a host without a network has no route */

    int                p[2];
    struct sockaddr_un self;
    socklen_t          len = sizeof(self);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
    CHECK(getsockname(p[0], SA(self), &len) == 0 && self.sun_family == AF_UNIX && len == sizeof(sa_family_t));
    int nl = socket(AF_NETLINK, SOCK_RAW, 0);
    CHECK(nl >= 0);
    FAILS(socket(AF_INET, 77, 0), EINVAL);
    FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    return 0;
}
