/* Names: what works without any name service works as ever; the name of the host itself resolves.
 */
#include "check.h"

#include <netdb.h>

static int count(const struct addrinfo *list)
{
    int n = 0;
    for (; list != NULL; list = list->ai_next)
        n++;
    return n;
}

int main(void)
{
    start();
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list = NULL;
    CHECK_EQ(getaddrinfo("127.0.0.1", "8080", &hints, &list), 0);
    CHECK_EQ(count(list), 1);
    CHECK_EQ(ntohs(((struct sockaddr_in *)(void *)list->ai_addr)->sin_port), 8080);
    freeaddrinfo(list);

    hints.ai_flags = AI_PASSIVE;
    CHECK_EQ(getaddrinfo(NULL, "0", &hints, &list), 0);
    CHECK_EQ(((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr.s_addr, 0);
    freeaddrinfo(list);

    /* Usable from start to end: resolve, listen, connect. */
    hints.ai_flags = AI_CANONNAME | AI_ADDRCONFIG;
    CHECK_EQ(getaddrinfo("localhost", NULL, &hints, &list), 0);
    CHECK(list != NULL && list->ai_canonname != NULL);
    int l = listener(AF_INET);
    union sa a = name_of(l), to;
    memcpy(&to, list->ai_addr, list->ai_addrlen);
    to.v4.sin_port = a.v4.sin_port;
    int c = connected_to(&to, SOCK_STREAM);
    close(c);
    close(l);
    freeaddrinfo(list);

    CHECK(getaddrinfo("no-such-name.invalid", NULL, &hints, &list) != 0);
    hints.ai_flags = AI_NUMERICHOST;
    CHECK_EQ(getaddrinfo("localhost", NULL, &hints, &list), EAI_NONAME);

    char host[NI_MAXHOST], serv[NI_MAXSERV];
    CHECK_EQ(getnameinfo(&a.any, sa_len(&a), host, sizeof(host), serv, sizeof(serv),
                         NI_NUMERICHOST | NI_NUMERICSERV),
             0);
    CHECK(strcmp(host, "127.0.0.1") == 0);
    CHECK_EQ(atoi(serv), port_of(&a));
    CHECK_EQ(getnameinfo(&a.any, 3, host, sizeof(host), NULL, 0, 0), EAI_FAMILY);

    struct hostent *h = gethostbyname("localhost");
    CHECK(h != NULL && h->h_addrtype == AF_INET && h->h_length == 4 && h->h_addr_list[0] != NULL);
    struct hostent own, *res = NULL;
    char buf[1024];
    int herr = 0;
    CHECK_EQ(gethostbyname_r("localhost", &own, buf, sizeof(buf), &res, &herr), 0);
    CHECK(res == &own && own.h_addrtype == AF_INET);
    CHECK_EQ(gethostbyname_r("localhost", &own, buf, 4, &res, &herr), ERANGE);
    return 0;
}
