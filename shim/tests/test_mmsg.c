/* sendmsg and recvmsg with many iovecs, sendmmsg and recvmmsg. */
#include "check.h"

#include <limits.h>

/* As many iovecs as the kernel takes, one byte each. */
static void many_iovecs(int a, int b)
{
    static char out[IOV_MAX], in[IOV_MAX];
    static struct iovec to[IOV_MAX + 1], from[IOV_MAX + 1]; /* one too many, for EMSGSIZE */
    for (int i = 0; i < IOV_MAX; i++) {
        out[i] = (char)(i * 13);
        from[i] = (struct iovec){.iov_base = &out[i], .iov_len = 1};
        to[IOV_MAX - 1 - i] = (struct iovec){.iov_base = &in[i], .iov_len = 1};
    }
    const int counts[] = {1, 2, 7, 1023, 1024};
    for (int k = 0; k < 5; k++) {
        int n = counts[k];
        struct msghdr msg = {.msg_iov = from, .msg_iovlen = (size_t)n};
        CHECK_EQ(sendmsg(a, &msg, 0), n);
        struct msghdr got = {.msg_iov = to, .msg_iovlen = (size_t)n};
        CHECK_EQ(recvmsg(b, &got, MSG_WAITALL), n);
        CHECK_EQ(got.msg_flags & MSG_TRUNC, 0);
        for (int i = 0; i < n; i++)
            CHECK_EQ(in[IOV_MAX - 1 - i], out[i]);
        CHECK_EQ(writev(a, from, n), n);
        CHECK_EQ(readv(b, to, n), n);
    }
    struct msghdr msg = {.msg_iov = from, .msg_iovlen = IOV_MAX + 1};
    CHECK_ERR(sendmsg(a, &msg, 0), EMSGSIZE);
    CHECK_ERR(recvmsg(b, &msg, MSG_DONTWAIT), EMSGSIZE);
    msg.msg_iovlen = 0;
    msg.msg_iov = NULL;
    CHECK_EQ(sendmsg(a, &msg, 0), 0);
}

static void batch(int af)
{
    enum { N = 70 };
    int p[2];
    dgram_pair(af, p);
    static char out[N][40], in[N][40];
    struct iovec oi[N][2], ii[N];
    struct mmsghdr om[N], im[N];
    union sa from[N];
    union sa mine = name_of(p[0]), to = name_of(p[1]);
    memset(om, 0, sizeof(om));
    memset(im, 0, sizeof(im));
    for (int i = 0; i < N; i++) {
        int n = snprintf(out[i], sizeof(out[i]), "message %d", i);
        oi[i][0] = (struct iovec){.iov_base = out[i], .iov_len = 3};
        oi[i][1] = (struct iovec){.iov_base = out[i] + 3, .iov_len = (size_t)(n - 3)};
        om[i].msg_hdr.msg_iov = oi[i];
        om[i].msg_hdr.msg_iovlen = 2;
        if (i % 2 == 0) {
            om[i].msg_hdr.msg_name = &to;
            om[i].msg_hdr.msg_namelen = sa_len(&to);
        }
        ii[i] = (struct iovec){.iov_base = in[i], .iov_len = sizeof(in[i])};
        im[i].msg_hdr.msg_iov = &ii[i];
        im[i].msg_hdr.msg_iovlen = 1;
        im[i].msg_hdr.msg_name = &from[i];
        im[i].msg_hdr.msg_namelen = sizeof(from[i]);
    }
    int sent = 0, got = 0;
    while (sent < N) {
        int n = sendmmsg(p[0], om + sent, (unsigned)(N - sent), 0);
        CHECK(n > 0);
        for (int i = sent; i < sent + n; i++)
            CHECK_EQ(om[i].msg_len, strlen(out[i]));
        sent += n;
    }
    while (got < N) {
        int n = recvmmsg(p[1], im + got, (unsigned)(N - got), MSG_WAITFORONE, NULL);
        CHECK(n > 0);
        for (int i = got; i < got + n; i++) {
            CHECK_EQ(im[i].msg_len, strlen(out[i]));
            CHECK(memcmp(in[i], out[i], im[i].msg_len) == 0);
            CHECK_EQ(im[i].msg_hdr.msg_namelen, sa_len(&mine));
            CHECK(same_address(&from[i], &mine));
        }
        got += n;
    }
    CHECK_ERR(recvmmsg(p[1], im, N, MSG_DONTWAIT, NULL), EAGAIN);

    /* A limit of time. */
    struct timespec limit = {.tv_sec = 0, .tv_nsec = 1000000};
    CHECK_EQ(send(p[0], "one", 3, 0), 3);
    int n = recvmmsg(p[1], im, 1, 0, &limit);
    CHECK_EQ(n, 1);
    CHECK_EQ(im[0].msg_len, 3);

    /* Too small a buffer for the second. */
    ii[1].iov_len = 2;
    im[0].msg_hdr.msg_namelen = im[1].msg_hdr.msg_namelen = sizeof(from[0]);
    CHECK_EQ(send(p[0], "whole", 5, 0), 5);
    CHECK_EQ(send(p[0], "cut", 3, 0), 3);
    CHECK(wait_for(p[1], POLLIN, 1000) & POLLIN);
    n = recvmmsg(p[1], im, 2, 0, NULL);
    CHECK_EQ(n, 2);
    CHECK_EQ(im[0].msg_len, 5);
    CHECK_EQ(im[1].msg_len, 2);
    CHECK(im[1].msg_hdr.msg_flags & MSG_TRUNC);
    close(p[0]);
    close(p[1]);
}

/* Neither descriptors nor segments travel over inet sockets. */
static void control(void)
{
    int p[2];
    char byte = 'x';
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } c = {0};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = sizeof(c.room)};
    int zero = 0;
    c.align.cmsg_level = SOL_SOCKET;
    c.align.cmsg_type = SCM_RIGHTS;
    c.align.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&c.align), &zero, sizeof(zero));
    stream_pair(AF_INET, p);
    CHECK_EQ(sendmsg(p[0], &msg, 0), 1);
    CHECK_EQ(recvmsg(p[1], &msg, 0), 1);
    CHECK_EQ(msg.msg_controllen, 0);
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    start();
    int p[2];
    stream_pair(AF_INET, p);
    many_iovecs(p[0], p[1]);
    close(p[0]);
    close(p[1]);
    dgram_pair(AF_INET, p);
    char empty;
    many_iovecs(p[0], p[1]);
    CHECK_EQ(recv(p[1], &empty, 1, 0), 0); /* of the message without iovecs */
    close(p[0]);
    close(p[1]);
    batch(AF_INET);
    batch(AF_INET6);
    control();
    return 0;
}
