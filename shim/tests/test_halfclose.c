/* Half-close: the end of one direction is seen, the other goes on; a reset when data is thrown
 * away. */
#include "check.h"

static void half(int af)
{
    int p[2];
    char buf[16];
    stream_pair(af, p);
    write_all(p[0], "last words", 10);
    CHECK(shutdown(p[0], SHUT_WR) == 0);
    read_all(p[1], buf, 10);
    CHECK_EQ(read(p[1], buf, sizeof(buf)), 0);
    CHECK_EQ(read(p[1], buf, sizeof(buf)), 0); /* for good */
    CHECK_ERR(write(p[0], "x", 1), EPIPE);
    write_all(p[1], "answer", 6);
    read_all(p[0], buf, 6);
    CHECK(wait_for(p[1], POLLIN | POLLRDHUP, 1000) & POLLRDHUP);
    close(p[1]);
    CHECK_EQ(read(p[0], buf, sizeof(buf)), 0);
    close(p[0]);
}

static void closing(void)
{
    int p[2];
    char buf[16];
    stream_pair(AF_INET, p);
    write_all(p[0], "unread", 6);
    CHECK(wait_for(p[1], POLLIN, 1000) & POLLIN);
    close(p[1]); /* with data unread: a reset */
    CHECK(wait_for(p[0], POLLIN, 1000) != 0);
    CHECK_ERR(read(p[0], buf, sizeof(buf)), ECONNRESET);
    CHECK_EQ(read(p[0], buf, sizeof(buf)), 0);
    close(p[0]);

    stream_pair(AF_INET, p);
    close(p[1]);
    CHECK_EQ(read(p[0], buf, sizeof(buf)), 0);
    for (int i = 0; i < 50; i++) {
        if (write(p[0], "x", 1) < 0) {
            CHECK(errno == EPIPE || errno == ECONNRESET);
            break;
        }
        CHECK(i < 49);
        usleep(2000);
    }
    close(p[0]);
}

/* SIGPIPE comes, and MSG_NOSIGNAL keeps it away. */
static volatile sig_atomic_t pipes;

static void on_pipe(int signal)
{
    (void)signal;
    pipes++;
}

static void sigpipe(void)
{
    int p[2];
    stream_pair(AF_INET, p);
    signal(SIGPIPE, on_pipe);
    CHECK(shutdown(p[0], SHUT_WR) == 0);
    CHECK_ERR(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(pipes, 0);
    CHECK_ERR(send(p[0], "x", 1, 0), EPIPE);
    CHECK_EQ(pipes, 1);
    signal(SIGPIPE, SIG_IGN);
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    start();
    half(AF_INET);
    half(AF_INET6);
    closing();
    sigpipe();
    return 0;
}
