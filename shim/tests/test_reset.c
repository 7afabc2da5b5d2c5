/* Resets: a close with unread data, SO_LINGER of 0 s, a killed peer. What came before is still read; then ECONNRESET, once. */
#include "check.h"

static int accepted; /* fd of the accepting end */

static int pair(void)
{
    int l = listener(AF_INET);
    union sa at = name_of(l);
    int c = connected_to(&at, SOCK_STREAM);
    accepted = accept(l, NULL, NULL);
    CHECK(accepted >= 0);
    close(l);
    return c;
}

/* `fd` sees the reset after `bytes` bytes. */
static void sees_reset(int fd, size_t bytes)
{
    char buf[64];
    if (bytes > 0)
        read_all(fd, buf, bytes);
    CHECK((wait_for(fd, POLLIN, 3000) & (POLLERR | POLLHUP)) != 0);
    CHECK_ERR(read(fd, buf, sizeof(buf)), ECONNRESET);
    CHECK_EQ(read(fd, buf, sizeof(buf)), 0);
    CHECK_ERR(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
    close(fd);
}

/* Until the other end has it: it takes a moment through the gateway. */
static void settle(int fd)
{
    CHECK((wait_for(fd, POLLIN, 3000) & POLLIN) != 0);
}

static void unread(void)
{
    for (int side = 0; side < 2; side++) {
        int c = pair();
        int closes = side == 0 ? c : accepted, sees = side == 0 ? accepted : c;
        write_all(closes, "last words", 10);
        settle(sees);
        write_all(sees, "unread", 6);
        settle(closes);
        close(closes);
        sees_reset(sees, 10);
    }
}

static void no_linger(void)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    for (int side = 0; side < 2; side++) {
        int c = pair();
        int closes = side == 0 ? c : accepted, sees = side == 0 ? accepted : c;
        CHECK(setsockopt(closes, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == 0);
        close(closes);
        sees_reset(sees, 0);
    }
}

static void killed(void)
{
    int c = pair();
    pid_t child = fork();
    if (child == 0) {
        close(c);
        pause();
        _exit(0);
    }
    close(accepted);
    write_all(c, "unread", 6);
    usleep(200000); /* it is in the queue of the child, wherever that leads */
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    sees_reset(c, 0);
}

int main(void)
{
    start();
    unread();
    killed();
    /* Between two programs that are connected directly there is nothing that could reset without unread data. */
    if (getenv("OURO_GATEWAY") == NULL || getenv("OURO_TEST_RELAY") != NULL)
        no_linger();
    return 0;
}
