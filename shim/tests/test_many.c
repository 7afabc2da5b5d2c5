/* Many connections at once to a short backlog, none lost; and many in a row. */
#include "check.h"

#define AT_ONCE  200
#define IN_A_ROW 100

static void at_once(void)
{
    int l = bound(AF_INET, SOCK_STREAM);
    CHECK(listen(l, AT_ONCE) == 0);
    union sa a = name_of(l);
    static int fds[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(fds[i] >= 0);
        if (connect(fds[i], &a.any, sa_len(&a)) < 0)
            CHECK_EQ(errno, EINPROGRESS);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        int s = accept(l, NULL, NULL);
        CHECK(s >= 0);
        write_all(s, "k", 1);
        close(s);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        char c = 0;
        CHECK(wait_for(fds[i], POLLIN, 5000) & POLLIN);
        CHECK_EQ(so_error(fds[i]), 0);
        CHECK_EQ(read(fds[i], &c, 1), 1);
        CHECK(wait_for(fds[i], POLLIN, 5000) & POLLIN);
        CHECK_EQ(read(fds[i], &c, 1), 0);
        close(fds[i]);
    }
    close(l);
}

int main(void)
{
    start();
    at_once();
    for (int i = 0; i < IN_A_ROW; i++) {
        int p[2];
        stream_pair(i % 2 == 0 ? AF_INET : AF_INET6, p);
        check_stream(p[0], p[1]);
        close(p[0]);
        close(p[1]);
    }
    return 0;
}
