/*
 * Somebody who connects to a listening socket past the gateway: accept never shows him. There is no
 * such way to a real TCP socket, so natively there is nothing to test.
 */
#include "check.h"

#include <sys/stat.h>
#include <sys/un.h>

static int stranger(int l, int family)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    CHECK(fstat(l, &st) == 0);
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/s/l/%d-%lu", getenv("OURO_GATEWAY"), family,
             (unsigned long)st.st_ino);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    return fd;
}

int main(void)
{
    start();
    if (getenv("OURO_GATEWAY") == NULL)
        return 0;
    char buf[4];
    int l = listener(AF_INET);
    union sa a = name_of(l);
    set_nonblock(l);
    int fd = stranger(l, 4);
    CHECK_ERR(accept(l, NULL, NULL), EAGAIN);
    CHECK(read(fd, buf, sizeof(buf)) <= 0); /* closed */
    close(fd);
    fd = stranger(l, 4);
    int c = connected_to(&a, SOCK_STREAM);
    union sa from;
    socklen_t len = sizeof(from);
    int s = accept(l, &from.any, &len);
    CHECK(s >= 0);
    CHECK_EQ(from.any.sa_family, AF_INET);
    check_stream(c, s);
    return 0;
}
