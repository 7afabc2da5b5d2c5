/* IPv6: dual stack, mapped addresses, V6ONLY. */
#include "check.h"

static union sa any6(int port)
{
    union sa a;
    memset(&a, 0, sizeof(a));
    a.v6.sin6_family = AF_INET6;
    a.v6.sin6_port = htons((uint16_t)port);
    return a;
}

static void dual_stream(void)
{
    union sa a = any6(0);
    int l = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(bind(l, &a.any, sa_len(&a)) == 0);
    CHECK(listen(l, 4) == 0);
    a = name_of(l);
    union sa to4 = loopback(AF_INET, port_of(&a)), to6 = loopback(AF_INET6, port_of(&a));

    int c = connected_to(&to4, SOCK_STREAM);
    union sa from;
    socklen_t len = sizeof(from);
    int s = accept(l, &from.any, &len);
    CHECK(s >= 0);
    CHECK_EQ(len, sizeof(from.v6));
    CHECK_EQ(from.any.sa_family, AF_INET6);
    CHECK(IN6_IS_ADDR_V4MAPPED(&from.v6.sin6_addr));
    union sa n = name_of(s);
    CHECK(IN6_IS_ADDR_V4MAPPED(&n.v6.sin6_addr));
    check_stream(c, s);
    close(c);
    close(s);

    c = connected_to(&to6, SOCK_STREAM);
    len = sizeof(from);
    s = accept(l, &from.any, &len);
    CHECK(!IN6_IS_ADDR_V4MAPPED(&from.v6.sin6_addr));
    check_stream(c, s);
    close(c);
    close(s);

    /* An IPv6 socket dials a mapped address. */
    union sa mapped = any6(port_of(&a));
    CHECK_EQ(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.v6.sin6_addr), 1);
    c = connected_to(&mapped, SOCK_STREAM);
    s = accept(l, NULL, NULL);
    check_stream(c, s);
    n = peer_of(c);
    CHECK(same_address(&n, &mapped));
    close(c);
    close(s);
    close(l);
}

static void dual_dgram(void)
{
    union sa a = any6(0), from;
    char buf[8];
    int d = socket(AF_INET6, SOCK_DGRAM, 0);
    CHECK(bind(d, &a.any, sa_len(&a)) == 0);
    a = name_of(d);
    union sa to = loopback(AF_INET, port_of(&a));
    int c = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(sendto(c, "v4", 2, 0, &to.any, sa_len(&to)), 2);
    socklen_t len = sizeof(from);
    CHECK_EQ(recvfrom(d, buf, sizeof(buf), 0, &from.any, &len), 2);
    CHECK_EQ(len, sizeof(from.v6));
    CHECK(IN6_IS_ADDR_V4MAPPED(&from.v6.sin6_addr));
    CHECK_EQ(sendto(d, "back", 4, 0, &from.any, len), 4);
    CHECK_EQ(recv(c, buf, sizeof(buf), 0), 4);
    close(c);
    close(d);
}

static void only(void)
{
    int one = 1, value = 0;
    socklen_t len = sizeof(value);
    union sa a = any6(0);
    int l = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(getsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len) == 0);
    CHECK_EQ(value, 0);
    CHECK(setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0);
    CHECK(getsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len) == 0);
    CHECK_EQ(value, 1);
    CHECK(bind(l, &a.any, sa_len(&a)) == 0);
    CHECK_ERR(setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)), EINVAL);
    CHECK(listen(l, 4) == 0);
    a = name_of(l);
    union sa to = loopback(AF_INET, port_of(&a));
    int c = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_ERR(connect(c, &to.any, sa_len(&to)), ECONNREFUSED);
    close(c);

    /* The IPv4 port is free beside it. */
    int l4 = socket(AF_INET, SOCK_STREAM, 0);
    union sa a4 = loopback(AF_INET, port_of(&a));
    a4.v4.sin_addr.s_addr = 0;
    CHECK(bind(l4, &a4.any, sa_len(&a4)) == 0);
    CHECK(listen(l4, 4) == 0);
    c = connected_to(&to, SOCK_STREAM);
    int s = accept(l4, NULL, NULL);
    check_stream(c, s);
    close(c);
    close(s);
    close(l);
    close(l4);
}

int main(void)
{
    start();
    dual_stream();
    dual_dgram();
    only();
    return 0;
}
