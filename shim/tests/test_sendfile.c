/* sendfile and splice of a file into a stream, large writes against a slow reader. */
#include "t.h"

#define SIZE (3 << 20)

int main(void)
{
    int         p[2], file = memfd_create("file", 0);
    static char buf[65536];
    size_t      got = 0;
    uint32_t    sum = 0, want = 0;

    for (int i = 0; i < SIZE; i += (int)sizeof(buf)) {
        for (size_t k = 0; k < sizeof(buf); k++) {
            buf[k] = (char)(((size_t)i + k) * 31 >> 3);
            want   = want * 33 + (uint8_t)buf[k];
        }
        CHECK(write(file, buf, sizeof(buf)) == sizeof(buf));
    }
    tcp_pair(p);
    pid_t pid = fork();
    if (pid == 0) {
        off_t off = 0;
        while (off < SIZE)
            CHECK(sendfile(p[0], file, &off, SIZE) > 0);
        close(p[0]);
        _exit(0);
    }
    close(p[0]);
    for (ssize_t n; (n = read(p[1], buf, sizeof(buf))) != 0; got += (size_t)n) {
        CHECK(n > 0);
        for (ssize_t k = 0; k < n; k++)
            sum = sum * 33 + (uint8_t)buf[k];
    }
    CHECK(got == SIZE && sum == want);
    child_ok(pid);
    return 0;
}
