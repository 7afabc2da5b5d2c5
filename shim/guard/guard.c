/*
 * ouro-guard: keeps a gateway's stack process running.
 *
 *     ouro-guard LOG PROGRAM [ARG...]        prints its pid and goes to the background; when LOG has a guard
 *                                            already, prints that one's pid instead
 *
 * Theory of operation. One single-threaded process without allocation after its start. It runs PROGRAM with one end of a
 * SOCK_SEQPACKET pair on descriptor 3 and LOG on 1 and 2, and starts it again when it dies by a signal or with
 * an error, at most MAX_STARTS times in WINDOW seconds. PROGRAM gives it descriptors to keep (docs/protocols/gateway.md):
 * they outlive PROGRAM, and its successor asks for them. An exit with status 0 ends the guard. The guard holds a lock on
 * LOG.lock as long as it runs: while the stack starts again, nobody may take its place without what is kept here.
 *
 * BOUNDED: MAX_KEPT descriptors; one more replaces none and is closed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_KEPT = 4096,
    MAX_STARTS = 5,
    WINDOW = 10,
    STACK_FD = 3,
    MESSAGE_BYTES = 9,
};

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

static void keep(uint64_t key, int fd)
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

static void drop(uint64_t key)
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

static int received_fd(struct msghdr *msg)
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

/* False when the stack has closed its end. */
static bool handle_message(int sock)
{
    uint8_t bytes[MESSAGE_BYTES];
    union {
        char space[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.space,
        .msg_controllen = sizeof(control.space),
    };
    ssize_t got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    uint64_t key = 0;

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        return false;

    int fd = received_fd(&msg);

    for (int i = 0; i < 8 && 1 + i < got; i++)
        key |= (uint64_t)bytes[1 + i] << (8 * i);
    if (bytes[0] == 'P' && got == MESSAGE_BYTES && fd >= 0) {
        keep(key, fd);
        return true;
    }
    if (fd >= 0)
        close(fd);
    if (bytes[0] == 'D' && got == MESSAGE_BYTES) {
        drop(key);
    } else if (bytes[0] == 'L') {
        for (int i = 0; i < kept_count; i++)
            send_message(sock, 'K', kept[i].key, kept[i].fd);
        send_message(sock, 'E', 0, -1);
    }
    return true;
}

static void run_stack(int sock, char **argv, const sigset_t *mask)
{
    /* The stack must not outlive the guard: nobody would restart it, or keep its sockets. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (sock != STACK_FD) {
        if (dup2(sock, STACK_FD) < 0)
            _exit(126);
    } else {
        fcntl(sock, F_SETFD, 0);
    }
    execv(argv[0], argv);
    dprintf(STDERR_FILENO, "ouro-guard: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static pid_t start_stack(char **argv, const sigset_t *mask, int *sock)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;

    pid_t pid = fork();

    if (pid == 0)
        run_stack(pair[1], argv, mask);
    close(pair[1]);
    if (pid < 0)
        close(pair[0]);
    else
        *sock = pair[0];
    return pid;
}

/* Handles messages and signals until the stack has ended; returns its wait status. */
static int watch_stack(pid_t pid, int sock, int signals, bool *stopping)
{
    struct pollfd fds[2] = {{.fd = signals, .events = POLLIN}, {.fd = sock, .events = POLLIN}};

    for (;;) {
        struct signalfd_siginfo info;
        int status;

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return -1;
        if (fds[1].revents != 0 && !handle_message(sock))
            fds[1].fd = -1;
        if ((fds[0].revents & POLLIN) == 0)
            continue;
        if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
            continue;
        if (info.ssi_signo != SIGCHLD) {
            *stopping = true;
            kill(pid, (int)info.ssi_signo);
            continue;
        }
        if (waitpid(pid, &status, WNOHANG) == pid) {
            /* What it said last, such as descriptors to keep, still counts. */
            while (fds[1].fd >= 0 && poll(&fds[1], 1, 0) > 0 && handle_message(sock))
                ;
            return status;
        }
    }
}

/* True while another start is within the limit. */
static bool may_start(void)
{
    static time_t starts[MAX_STARTS];
    static int next;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (starts[next] != 0 && now.tv_sec - starts[next] < WINDOW)
        return false;
    starts[next] = now.tv_sec + 1;
    next = (next + 1) % MAX_STARTS;
    return true;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_log(const char *path)
{
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (log < 0 || null < 0)
        return -1;
    if (dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0)
        return -1;
    return 0;
}

/*
 * Takes the lock beside the log. Returns its descriptor, or -1 with the holder's pid (0: not known yet).
 * A file that was removed between open and lock is not the one that others see: try again.
 */
static int take_lock(const char *path, long *holder)
{
    for (;;) {
        struct stat mine;
        struct stat theirs;
        char text[24] = {0};
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        *holder = 0;
        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            if (read(fd, text, sizeof(text) - 1) > 0)
                *holder = strtol(text, NULL, 10);
            close(fd);
            return -1;
        }
        if (fstat(fd, &mine) == 0 && stat(path, &theirs) == 0 && mine.st_ino == theirs.st_ino)
            return fd;
        close(fd);
    }
}

/* Who started us becomes another program soon, which must not get a child that it did not make. */
static void go_to_background(int lock)
{
    pid_t pid = fork();

    if (pid > 0) {
        printf("%d\n", (int)pid);
        fflush(stdout);
        _exit(0);
    }
    if (pid < 0) {
        fprintf(stderr, "ouro-guard: fork: %s\n", strerror(errno));
        _exit(1);
    }
    setsid();
    if (ftruncate(lock, 0) == 0)
        dprintf(lock, "%d\n", (int)getpid());
}

int main(int argc, char **argv)
{
    sigset_t handled;
    sigset_t before;
    bool stopping = false;
    char lock_path[4096];
    long holder;

    if (argc < 3) {
        fprintf(stderr, "Usage: ouro-guard LOG PROGRAM [ARG...]\n");
        return 2;
    }
    snprintf(lock_path, sizeof(lock_path), "%s.lock", argv[1]);
    int lock = take_lock(lock_path, &holder);

    if (lock < 0) {
        printf("%ld\n", holder);
        return holder > 0 ? 0 : 1;
    }
    go_to_background(lock);
    if (open_log(argv[1]) < 0) {
        fprintf(stderr, "ouro-guard: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    raise_descriptor_limit();
    sigemptyset(&handled);
    sigaddset(&handled, SIGCHLD);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGINT);
    sigprocmask(SIG_BLOCK, &handled, &before);

    int signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);

    if (signals < 0)
        return 1;
    while (may_start()) {
        int sock = -1;
        pid_t pid = start_stack(argv + 2, &before, &sock);

        if (pid < 0)
            return 1;

        int status = watch_stack(pid, sock, signals, &stopping);

        close(sock);
        if ((WIFEXITED(status) && WEXITSTATUS(status) == 0) || stopping) {
            unlink(lock_path);
            return stopping;
        }
        dprintf(STDERR_FILENO, "ouro-guard: the stack ended with %s %d\n",
                WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    dprintf(STDERR_FILENO, "ouro-guard: %d starts in %d s: given up\n", MAX_STARTS, WINDOW);
    unlink(lock_path);
    return 1;
}
