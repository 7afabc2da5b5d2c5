/* sendfile, splice and large transfers over a stream, every byte checked. */
#include "check.h"

#include <sys/sendfile.h>

#define BYTES (3 << 20)

static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 12));
}

static pid_t check_reader(int fd)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    static unsigned char buf[65536];
    size_t at = 0;
    for (;;) {
        ssize_t n = read(fd, buf, sizeof(buf));
        CHECK(n >= 0);
        if (n == 0)
            break;
        for (ssize_t i = 0; i < n; i++)
            CHECK_EQ(buf[i], pattern(at + (size_t)i));
        at += (size_t)n;
    }
    CHECK_EQ(at, BYTES);
    _exit(0);
}

int main(void)
{
    start();
    char path[] = "/tmp/ouro-shim-test-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0);
    unlink(path);
    static unsigned char data[BYTES];
    for (size_t i = 0; i < BYTES; i++)
        data[i] = pattern(i);
    write_all(file, data, BYTES);

    for (int way = 0; way < 4; way++) {
        int p[2], pipes[2];
        stream_pair(AF_INET, p);
        pid_t pid;
        CHECK(fcntl(p[0], F_SETFD, FD_CLOEXEC) == 0);
        pid = fork();
        if (pid == 0) {
            close(p[0]);
            pid_t reader = check_reader(p[1]);
            close(p[1]);
            reap(reader);
            _exit(0);
        }
        close(p[1]);
        off_t at = 0;
        if (way == 0) {
            while (at < BYTES)
                CHECK(sendfile(p[0], file, &at, (size_t)(BYTES - at)) > 0);
        } else if (way == 1) {
            CHECK(pipe(pipes) == 0);
            while (at < BYTES) {
                ssize_t n = splice(file, &at, pipes[1], NULL, 65536, 0);
                CHECK(n > 0);
                while (n > 0) {
                    ssize_t m = splice(pipes[0], NULL, p[0], NULL, (size_t)n, 0);
                    CHECK(m > 0);
                    n -= m;
                }
            }
            close(pipes[0]);
            close(pipes[1]);
        } else if (way == 2) {
            write_all(p[0], data, BYTES);
        } else {
            size_t done = 0, size = 1;
            while (done < BYTES) {
                size_t n = size < BYTES - done ? size : BYTES - done;
                write_all(p[0], data + done, n);
                done += n;
                size = size * 3 % 70001 + 1;
            }
        }
        CHECK(shutdown(p[0], SHUT_WR) == 0);
        reap(pid);
        close(p[0]);
    }
    return 0;
}
