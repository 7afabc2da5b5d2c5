/*
 * A client of oping servers: `oping-client NAME [COUNT [SIZE]]` sends COUNT (4) pings of SIZE (64)
 * bytes, one after the other, and prints the round-trip times. Exits with 0 when every ping was
 * answered.
 */
#include <ouroboros/dev.h>
#include <ouroboros/errno.h>
#include <ouroboros/fccntl.h>

#include "oping-msg.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double ms_since(const struct oping_msg * msg)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return ((double) now.tv_sec - (double) msg->tv_sec) * 1e3 +
           ((double) now.tv_nsec - (double) msg->tv_nsec) / 1e6;
}

/* Sends one ping and waits for its answer: milliseconds, or a negative errno. */
static double ping(int fd, uint32_t id, size_t size)
{
    char               buf[OPING_BUF_SIZE] = { 0 };
    struct oping_msg * msg = (struct oping_msg *) buf;
    struct timespec    now;
    ssize_t            n;

    clock_gettime(CLOCK_MONOTONIC, &now);
    msg->type = htonl(ECHO_REQUEST);
    msg->id = htonl(id);
    msg->tv_sec = (uint64_t) now.tv_sec;
    msg->tv_nsec = (uint64_t) now.tv_nsec;

    n = flow_write(fd, buf, size);
    if (n < 0)
        return (double) n;
    n = flow_read(fd, buf, sizeof(buf));
    if (n < 0)
        return (double) n;
    if ((size_t) n != size || ntohl(msg->type) != ECHO_REPLY || ntohl(msg->id) != id)
        return -EPROTO;
    return ms_since(msg);
}

int main(int argc, char ** argv)
{
    struct timespec timeout = { 2, 0 };
    unsigned        count = argc > 2 ? (unsigned) atoi(argv[2]) : 4;
    size_t          size = argc > 3 ? (size_t) atoi(argv[3]) : 64;
    unsigned        received = 0;
    int             fd;

    if (argc < 2 || size < sizeof(struct oping_msg) || size > OPING_BUF_SIZE) {
        fprintf(stderr, "Usage: oping-client NAME [COUNT [SIZE]]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);

    fd = flow_alloc(argv[1], NULL, NULL);
    if (fd < 0) {
        fprintf(stderr, "Failed to allocate flow: %d.\n", fd);
        return 1;
    }
    fccntl(fd, FLOWSFLAGS, FLOWFRDWR | FLOWFRNOPART);
    fccntl(fd, FLOWSRCVTIMEO, &timeout);

    for (unsigned i = 0; i < count; i++) {
        double ms = ping(fd, i, size);
        if (ms < 0) {
            fprintf(stderr, "Ping %u failed: %d.\n", i, (int) ms);
            break;
        }
        received++;
        printf("%zu bytes from %s: seq=%u time=%.3f ms\n", size, argv[1], i, ms);
    }
    printf("%u packets transmitted, %u received\n", count, received);

    flow_dealloc(fd);
    return received == count ? 0 : 1;
}
