/* dup, dup2, dup3 and fcntl: every number is the same socket, and closing one leaves the others. */
#include "check.h"

static void streams(void)
{
    int pair[2];
    stream_pair(AF_INET, pair);
    union sa a = name_of(pair[0]), b = peer_of(pair[0]);
    int d[4] = {dup(pair[0]), fcntl(pair[0], F_DUPFD, 40), fcntl(pair[0], F_DUPFD_CLOEXEC, 50),
                dup2(pair[0], 60)};
    close(pair[0]);
    for (int i = 0; i < 4; i++) {
        CHECK(d[i] >= 0);
        union sa n = name_of(d[i]), p = peer_of(d[i]);
        CHECK(same_address(&n, &a) && same_address(&p, &b));
        check_stream(d[i], pair[1]);
    }
    CHECK(d[1] >= 40 && d[2] >= 50 && d[3] == 60);
    CHECK((fcntl(d[2], F_GETFD) & FD_CLOEXEC) != 0);
    int five = 5;
    CHECK(setsockopt(d[0], IPPROTO_TCP, TCP_KEEPCNT, &five, sizeof(five)) == 0);
    int got = 0;
    socklen_t len = sizeof(got);
    CHECK(getsockopt(d[3], IPPROTO_TCP, TCP_KEEPCNT, &got, &len) == 0);
    CHECK_EQ(got, 5);
    for (int i = 0; i < 4; i++)
        close(d[i]);
    CHECK_EQ(read(pair[1], &got, 1), 0);
    close(pair[1]);
}

static void dgrams(void)
{
    int pair[2];
    char buf[16];
    dgram_pair(AF_INET, pair);
    int d = dup3(pair[0], 70, O_CLOEXEC);
    CHECK_EQ(d, 70);
    int e = fcntl(pair[1], F_DUPFD, 80);
    CHECK(e >= 80);
    CHECK_EQ(write(d, "hello", 5), 5);
    CHECK_EQ(read(e, buf, sizeof(buf)), 5);
    CHECK(memcmp(buf, "hello", 5) == 0);
    close(pair[0]);
    close(pair[1]);
    CHECK_EQ(send(e, "back", 4, 0), 4);
    CHECK_EQ(recv(d, buf, sizeof(buf), 0), 4);
    close(d);
    close(e);
}

/* dup2 onto a socket closes it; a number that was a socket may become a file, and the other way
 * round. */
static void reuse(void)
{
    int pair[2];
    char buf[64];
    dgram_pair(AF_INET, pair);
    int fd = pair[0];
    int file = open("/proc/self/stat", O_RDONLY);
    CHECK(file >= 0);
    CHECK_EQ(dup2(file, fd), fd);
    CHECK(read(fd, buf, sizeof(buf)) > 20);
    close(fd);
    union sa to = name_of(pair[1]);
    int again = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(again, fd);
    close(pair[1]);
    int server = bound(AF_INET, SOCK_DGRAM);
    to = name_of(server);
    CHECK_EQ(sendto(again, "x", 1, 0, &to.any, sa_len(&to)), 1);
    CHECK_EQ(recv(server, buf, sizeof(buf), 0), 1);
    close(again);
    close(server);
    close(file);
}

int main(void)
{
    start();
    streams();
    dgrams();
    reuse();
    return 0;
}
