/* ioctl: non-blocking mode, bytes that wait, interfaces. */
#include "check.h"

#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <termios.h>

static void run(int type)
{
    int fd = socket(AF_INET, type, 0), on = 1;
    CHECK(ioctl(fd, FIONBIO, &on) == 0);
    CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof(r.ifr_name), "lo");
    CHECK(ioctl(fd, SIOCGIFADDR, &r) == 0);
    CHECK_EQ(((struct sockaddr_in *)(void *)&r.ifr_addr)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    CHECK(ioctl(fd, SIOCGIFFLAGS, &r) == 0);
    CHECK((r.ifr_flags & IFF_LOOPBACK) != 0);
    CHECK(ioctl(fd, SIOCGIFMTU, &r) == 0);
    CHECK(r.ifr_mtu > 1000);
    struct ifreq list[16];
    struct ifconf c = {.ifc_len = sizeof(list), .ifc_req = list};
    CHECK(ioctl(fd, SIOCGIFCONF, &c) == 0);
    CHECK(c.ifc_len >= (int)sizeof(list[0]));
    snprintf(r.ifr_name, sizeof(r.ifr_name), "nonesuch0");
    CHECK_ERR(ioctl(fd, SIOCGIFADDR, &r), ENODEV);
    char termios[64];
    CHECK_ERR(ioctl(fd, TCGETS, termios), ENOTTY);
    close(fd);
}

int main(void)
{
    start();
    run(SOCK_STREAM);
    run(SOCK_DGRAM);
    int p[2], n = -1;
    stream_pair(AF_INET, p);
    CHECK(ioctl(p[0], SIOCOUTQ, &n) == 0);
    CHECK_EQ(n, 0);
    write_all(p[0], "abc", 3);
    CHECK(wait_for(p[1], POLLIN, 1000) != 0);
    CHECK(ioctl(p[1], FIONREAD, &n) == 0);
    CHECK_EQ(n, 3);
    int d[2];
    dgram_pair(AF_INET, d);
    CHECK(ioctl(d[1], FIONREAD, &n) == 0);
    CHECK_EQ(n, 0);
    return 0;
}
