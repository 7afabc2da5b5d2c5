/* BOUNDED: MAX_KEPT descriptors; one more replaces none and is closed. */
#define _GNU_SOURCE
#include "kept.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { MAX_KEPT = 4096 };

struct kept {
    uint64_t key;
    int fd;
};

static struct kept kept[MAX_KEPT];
static int kept_count;

static int find(uint64_t key)
{
    for (int i = 0; i < kept_count; i++)
        if (kept[i].key == key)
            return i;
    return -1;
}

void keep(uint64_t key, int fd)
{
    int i = find(key);

    if (i >= 0) {
        close(kept[i].fd);
        kept[i].fd = fd;
    } else if (kept_count < MAX_KEPT) {
        kept[kept_count++] = (struct kept){.key = key, .fd = fd};
    } else {
        close(fd);
    }
}

void drop(uint64_t key)
{
    int i = find(key);

    if (i < 0)
        return;
    close(kept[i].fd);
    kept[i] = kept[--kept_count];
}

/* Blocks while the stack is slow to read: the guard has nothing else to do then. */
static void send_message(int sock, char letter, uint64_t key, int fd)
{
    uint8_t bytes[MESSAGE_BYTES] = {(uint8_t)letter};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {.iov_base = bytes, .iov_len = fd < 0 ? 1 : sizeof(bytes)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (uint8_t)(key >> (8 * i));
    if (fd >= 0) {
        msg.msg_control = control.space;
        msg.msg_controllen = sizeof(control.space);
        struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
    }
    while (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

void list(int sock)
{
    for (int i = 0; i < kept_count; i++)
        send_message(sock, 'K', kept[i].key, kept[i].fd);
    send_message(sock, 'E', 0, -1);
}

int received_fd(struct msghdr *msg)
{
    int fd = -1;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int got;
            memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (fd < 0)
                fd = got;
            else
                close(got);
        }
    }
    return fd;
}
