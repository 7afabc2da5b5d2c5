/* Look-ups: numeric, localhost, services, and reverse; the results are freed by freeaddrinfo. */
#include "t.h"

int main(void)
{
    struct addrinfo  hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *r;
    char             host[256], serv[32];

    CHECK(getaddrinfo("127.0.0.1", "80", &hints, &r) == 0 && r->ai_family == AF_INET);
    CHECK(((struct sockaddr_in *)r->ai_addr)->sin_port == htons(80));
    CHECK(getnameinfo(r->ai_addr, r->ai_addrlen, host, sizeof(host), serv, sizeof(serv), NI_NUMERICHOST | NI_NUMERICSERV) == 0);
    CHECK(strcmp(host, "127.0.0.1") == 0 && strcmp(serv, "80") == 0);
    freeaddrinfo(r);
    CHECK(getaddrinfo("localhost", NULL, &hints, &r) == 0);
    CHECK(((struct sockaddr_in *)r->ai_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    freeaddrinfo(r);
    hints.ai_flags = AI_PASSIVE;
    CHECK(getaddrinfo(NULL, "8080", &hints, &r) == 0);
    CHECK(((struct sockaddr_in *)r->ai_addr)->sin_addr.s_addr == 0);
    freeaddrinfo(r);
    hints.ai_flags = AI_NUMERICHOST;
    CHECK(getaddrinfo("not-a-number", NULL, &hints, &r) == EAI_NONAME);
    struct hostent *h = gethostbyname("127.0.0.1");
    CHECK(h != NULL && h->h_addrtype == AF_INET && h->h_length == 4);
    return 0;
}
