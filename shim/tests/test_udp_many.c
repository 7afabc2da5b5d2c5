/* One server socket, many clients: each keeps its own address, and each answer comes back to who
 * asked. */
#include "check.h"

#define CLIENTS 20

static void run(int af)
{
    int server = bound(af, SOCK_DGRAM);
    union sa to = name_of(server);
    int clients[CLIENTS];
    int ports[CLIENTS];
    char buf[2048];

    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = socket(af, SOCK_DGRAM, 0);
        char text[16];
        int n = snprintf(text, sizeof(text), "client %d", i);
        CHECK_EQ(sendto(clients[i], text, (size_t)n, 0, &to.any, sa_len(&to)), n);
        union sa mine = name_of(clients[i]);
        ports[i] = port_of(&mine);
        CHECK(ports[i] != 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        union sa from;
        socklen_t len = sizeof(from);
        ssize_t n = recvfrom(server, buf, sizeof(buf) - 1, 0, &from.any, &len);
        CHECK(n > 0);
        CHECK_EQ(len, sa_len(&to));
        buf[n] = 0;
        int who = -1;
        CHECK_EQ(sscanf(buf, "client %d", &who), 1);
        union sa loop = loopback(af, ports[who]);
        CHECK(same_address(&from, &loop));
        CHECK_EQ(sendto(server, buf, (size_t)n, 0, &from.any, len), n);
    }
    for (int i = 0; i < CLIENTS; i++) {
        union sa from;
        socklen_t len = sizeof(from);
        int who = -1;
        ssize_t n = recvfrom(clients[i], buf, sizeof(buf) - 1, 0, &from.any, &len);
        CHECK(n > 0);
        buf[n] = 0;
        CHECK_EQ(sscanf(buf, "client %d", &who), 1);
        CHECK_EQ(who, i);
        CHECK(same_address(&from, &to));
        close(clients[i]);
    }
    close(server);
}

/* Sizes from nothing to the largest. */
static void sizes(void)
{
    static char out[65507], in[65536];
    int pair[2];
    dgram_pair(AF_INET, pair);
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 7);
    const size_t n[] = {0, 1, 28, 1400, 9000, 40000, 65507};
    for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
        CHECK_EQ(send(pair[0], out, n[i], 0), n[i]);
        CHECK_EQ(recv(pair[1], in, sizeof(in), 0), n[i]);
        CHECK(memcmp(in, out, n[i]) == 0);
    }
    static char larger[65508];
    CHECK_ERR(send(pair[0], larger, sizeof(larger), 0), EMSGSIZE);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    start();
    run(AF_INET);
    run(AF_INET6);
    sizes();
    return 0;
}
