/* Programs that close every descriptor they do not know, in any way there is, and then use sockets.
 */
#include "check.h"

#include <sys/syscall.h>

static void use_sockets(void)
{
    int p[2], d[2];
    char buf[8];
    stream_pair(AF_INET, p);
    check_stream(p[0], p[1]);
    dgram_pair(AF_INET, d);
    CHECK_EQ(send(d[0], "abc", 3, 0), 3);
    CHECK_EQ(recv(d[1], buf, sizeof(buf), 0), 3);
    int fds[] = {p[0], p[1], d[0], d[1]};
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

int main(void)
{
    start();
    use_sockets();
    CHECK(close_range(3, ~0u, 0) == 0);
    use_sockets();
    closefrom(3);
    use_sockets();
    for (int i = 3; i < 1024; i++)
        close(i);
    use_sockets();
    CHECK(syscall(SYS_close_range, 3u, ~0u, 0u) == 0);
    use_sockets();

    /* A datagram socket closed behind everybody's back; its number becomes a stream, then a pipe.
     */
    int d[2], p[2];
    char buf[8];
    dgram_pair(AF_INET, d);
    FILE *f = fdopen(d[0], "r");
    CHECK(f != NULL);
    fclose(f);
    stream_pair(AF_INET, p);
    check_stream(p[0], p[1]);
    check_stream(p[1], p[0]);
    CHECK(syscall(SYS_close, d[1]) == 0);
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    CHECK_EQ(write(pipes[1], "pipe", 4), 4);
    CHECK_EQ(read(pipes[0], buf, sizeof(buf)), 4);

    /* No descriptor of ours stays in the program. */
    close_range(3, ~0u, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(fd, 3);
    union sa a = loopback(AF_INET, 0);
    CHECK(bind(fd, &a.any, sa_len(&a)) == 0);
    CHECK(listen(fd, 4) == 0);
    CHECK_EQ(open("/dev/null", O_RDONLY), 4);
    return 0;
}
