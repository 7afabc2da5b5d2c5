/*
 * ouro-guard: keeps a gateway's stack process running.
 *
 *     ouro-guard LOG PROGRAM [ARG...]            prints its pid and goes to the background; when LOG has a guard
 *                                                already, prints that one's pid instead (0: not known) and ends
 *                                                with status 3
 *     ouro-guard --adopt LOG PROGRAM [ARG...]    takes the place of a guard that has died; started by the stack,
 *                                                with a socket to it and the lock as its descriptors 3 and 4
 *
 * Theory of operation. One single-threaded process without allocation after its start. It runs PROGRAM with one end of a
 * SOCK_SEQPACKET pair on descriptor 3, the lock on 4, and LOG on 1 and 2, and starts it again when it dies by a signal or
 * with an error, at most MAX_STARTS times in WINDOW seconds. PROGRAM gives it descriptors to keep
 * (docs/protocols/gateway.md): they outlive PROGRAM, and its successor asks for them. An exit with status 0, or the word
 * that it ends in order, ends the guard, which then removes the folder of LOG and the one above if they are empty.
 *
 * The lock is on LOG.lock, and belongs to guard and stack together: it is free when both have gone. While one of the two
 * is being started again, nobody may take the place of the pair without what the other one has.
 */
#define _GNU_SOURCE
#include "kept.h"
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_STARTS = 5,
    WINDOW = 10,
    STACK_FD = 3,
    LOCK_FD = 4,
    /* Above all numbers that have a meaning. */
    SPARE_FD = 16,
    /* Exit status: another guard has the folder. */
    GUARDED = 3,
};

struct stack {
    pid_t pid;
    int pidfd;
    int sock;
    /* Not a child of ours: its exit status cannot be known. */
    bool adopted;
    /* It has said that it ends in order. */
    bool quits;
};

/* False when the stack has closed its end. */
static bool handle_message(struct stack *stack)
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
    ssize_t got = recvmsg(stack->sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
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
        list(stack->sock);
    } else if (bytes[0] == 'Q' && got == 1) {
        stack->quits = true;
    }
    return true;
}

static void run_stack(int sock, int lock, char **argv, const sigset_t *mask)
{
    /* Either may have the number that the other one shall get. */
    int spare_sock = fcntl(sock, F_DUPFD_CLOEXEC, SPARE_FD);
    int spare_lock = fcntl(lock, F_DUPFD_CLOEXEC, SPARE_FD);

    sigprocmask(SIG_SETMASK, mask, NULL);
    if (dup2(spare_sock, STACK_FD) < 0 || dup2(spare_lock, LOCK_FD) < 0)
        _exit(126);
    execv(argv[0], argv);
    dprintf(STDERR_FILENO, "ouro-guard: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static int open_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool start_stack(struct stack *stack, int lock, char **argv, const sigset_t *mask)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return false;

    pid_t pid = fork();

    if (pid == 0)
        run_stack(pair[1], lock, argv, mask);
    close(pair[1]);
    *stack = (struct stack){.pid = pid, .sock = pair[0], .pidfd = -1};
    if (pid > 0)
        stack->pidfd = open_pidfd(pid);
    return stack->pidfd >= 0;
}

/* The stack that has started us; its end of the socket is open as long as it lives. */
static void adopt_stack(struct stack *stack)
{
    struct ucred peer = {.pid = -1};
    socklen_t length = sizeof(peer);

    *stack = (struct stack){.sock = STACK_FD, .adopted = true};
    getsockopt(STACK_FD, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    stack->pid = peer.pid;
    stack->pidfd = open_pidfd(peer.pid);

    struct pollfd sock = {.fd = STACK_FD};

    /* When it has died meanwhile, the pid may be another's. */
    if (stack->pidfd >= 0 && poll(&sock, 1, 0) > 0 && (sock.revents & POLLHUP) != 0) {
        close(stack->pidfd);
        stack->pidfd = -1;
    }
}

/* Handles messages and signals until the stack has ended. */
static void watch_stack(struct stack *stack, int signals, bool *stopping)
{
    struct pollfd fds[3] = {{.fd = signals, .events = POLLIN},
                            {.fd = stack->pidfd, .events = POLLIN},
                            {.fd = stack->sock, .events = POLLIN}};

    while (stack->pidfd >= 0 && fds[1].revents == 0) {
        struct signalfd_siginfo info;

        if (poll(fds, 3, -1) < 0) {
            fds[1].revents = 0;
            continue;
        }
        if (fds[2].revents != 0 && !handle_message(stack))
            fds[2].fd = -1;
        if (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
            *stopping = true;
            syscall(SYS_pidfd_send_signal, stack->pidfd, (int)info.ssi_signo, NULL, 0);
        }
    }
    /* What it said last, such as descriptors to keep, still counts. */
    while (fds[2].fd >= 0 && poll(&fds[2], 1, 0) > 0 && handle_message(stack))
        ;
}

/* True when it ended in order; says why when it did not. */
static bool bury_stack(const struct stack *stack, bool stopping)
{
    int status = 0;

    if (!stack->adopted)
        waitpid(stack->pid, &status, 0);
    close(stack->sock);
    if (stack->pidfd >= 0)
        close(stack->pidfd);

    bool exited = !stack->adopted && WIFEXITED(status) && WEXITSTATUS(status) == 0;

    if (stack->quits || stopping || exited)
        return true;
    if (stack->adopted)
        dprintf(STDERR_FILENO, "ouro-guard: the stack has died\n");
    else
        dprintf(STDERR_FILENO, "ouro-guard: the stack ended with %s %d\n",
                WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return false;
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

/* Who started us becomes another program soon, which must not get a child that it did not make. */
static void go_to_background(void)
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
}

/* The lock, or an exit. */
static int begin(const char *lock_path)
{
    long holder;
    int lock = take_lock(lock_path, &holder);

    if (lock < 0 && holder < 0) {
        fprintf(stderr, "ouro-guard: %s: %s\n", lock_path, strerror(errno));
        _exit(1);
    }
    if (lock < 0) {
        printf("%ld\n", holder);
        fflush(stdout);
        _exit(GUARDED);
    }
    go_to_background();
    return lock;
}

/* What the stack has given us; blocking, as we have nothing else to do. */
static int begin_adopted(void)
{
    fcntl(STACK_FD, F_SETFL, 0);
    fcntl(STACK_FD, F_SETFD, FD_CLOEXEC);
    fcntl(LOCK_FD, F_SETFD, FD_CLOEXEC);
    return LOCK_FD;
}

/* Whoever starts a guard makes folders that have gone meanwhile, and tries again. */
static void clean_up(char *lock_path, bool folders)
{
    unlink(lock_path);
    if (!folders)
        return;

    char *folder = dirname(lock_path);

    if (rmdir(folder) == 0)
        rmdir(dirname(folder));
}

static int block_signals(sigset_t *before)
{
    sigset_t handled;

    sigemptyset(&handled);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGINT);
    sigprocmask(SIG_BLOCK, &handled, before);
    return signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
    bool adopt = argc > 1 && strcmp(argv[1], "--adopt") == 0;
    bool stopping = false;
    struct stack stack;
    sigset_t before;
    char lock_path[4096];

    argv += adopt;
    if (argc - adopt < 3) {
        fprintf(stderr, "Usage: ouro-guard [--adopt] LOG PROGRAM [ARG...]\n");
        return 2;
    }
    snprintf(lock_path, sizeof(lock_path), "%s.lock", argv[1]);

    int lock = adopt ? begin_adopted() : begin(lock_path);

    if (open_log(argv[1]) < 0) {
        fprintf(stderr, "ouro-guard: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    write_pid(lock);
    raise_descriptor_limit();

    int signals = block_signals(&before);

    if (signals < 0)
        return 1;
    if (adopt)
        adopt_stack(&stack);
    while (adopt || may_start()) {
        if (!adopt && !start_stack(&stack, lock, argv + 2, &before))
            return 1;
        adopt = false;
        watch_stack(&stack, signals, &stopping);
        if (bury_stack(&stack, stopping)) {
            clean_up(lock_path, true);
            return stopping;
        }
    }
    dprintf(STDERR_FILENO, "ouro-guard: %d starts in %d s: given up\n", MAX_STARTS, WINDOW);
    clean_up(lock_path, false);
    return 1;
}
