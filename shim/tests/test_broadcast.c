/* Broadcast needs SO_BROADCAST, and reaches every socket on the port of this host. */
#include "check.h"

int main(void)
{
    start();
    int one = 1;
    char buf[16];
    union sa any;
    memset(&any, 0, sizeof(any));
    any.any.sa_family = AF_INET;
    int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
    CHECK(setsockopt(b, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
    CHECK(bind(a, &any.any, sa_len(&any)) == 0);
    any = name_of(a);
    CHECK(bind(b, &any.any, sa_len(&any)) == 0);

    union sa to = any;
    to.v4.sin_addr.s_addr = inet_addr("127.255.255.255");
    if (getenv("OURO_GATEWAY") != NULL) /* the host may have no other network */
        to.v4.sin_addr.s_addr = INADDR_BROADCAST;
    int c = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_ERR(sendto(c, "all", 3, 0, &to.any, sa_len(&to)), EACCES);
    CHECK_ERR(connect(c, &to.any, sa_len(&to)), EACCES);
    CHECK(setsockopt(c, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)) == 0);
    CHECK_EQ(sendto(c, "all", 3, 0, &to.any, sa_len(&to)), 3);
    int sockets[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        union sa from;
        socklen_t len = sizeof(from);
        CHECK(wait_for(sockets[i], POLLIN, 2000) & POLLIN);
        CHECK_EQ(recvfrom(sockets[i], buf, sizeof(buf), 0, &from.any, &len), 3);
        union sa mine = name_of(c);
        CHECK_EQ(port_of(&from), port_of(&mine));
        CHECK_EQ(sendto(sockets[i], "here", 4, 0, &from.any, len), 4);
        CHECK_EQ(recv(c, buf, sizeof(buf), 0), 4);
    }
    return 0;
}
