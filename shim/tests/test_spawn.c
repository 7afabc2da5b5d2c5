/* Programs started in every way use sockets: vfork, posix_spawn, system, popen, execl and its kin;
 * sockets in a vfork child. */
#include "check.h"

#include <spawn.h>

static union sa server;
static int l;

/* Talks to the parent's listener by its port. */
static int child(int port)
{
    union sa to = loopback(AF_INET, port);
    int fd = connected_to(&to, SOCK_STREAM);
    char buf[2];
    write_all(fd, "hi", 2);
    read_all(fd, buf, 2);
    CHECK(memcmp(buf, "ho", 2) == 0);
    return 0;
}

static void serve_one(void)
{
    char buf[2];
    int s = accept(l, NULL, NULL);
    CHECK(s >= 0);
    read_all(s, buf, 2);
    write_all(s, "ho", 2);
    close(s);
}

int main(int argc, char **argv)
{
    start();
    if (argc > 1)
        return child(atoi(argv[1]));
    char port[12], self[512], command[600];
    char *child_argv[] = {argv[0], port, NULL};
    char *small_env[] = {(char *)(uintptr_t)"PATH=/usr/bin:/bin", NULL};
    pid_t pid;
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    CHECK(n > 0);
    self[n] = 0;
    l = listener(AF_INET);
    server = name_of(l);
    CHECK(fcntl(l, F_SETFD, FD_CLOEXEC) == 0);
    snprintf(port, sizeof(port), "%d", port_of(&server));
    snprintf(command, sizeof(command), "%s %s", self, port);

    CHECK_EQ(posix_spawn(&pid, self, NULL, NULL, child_argv, environ), 0);
    serve_one();
    reap(pid);
    CHECK_EQ(posix_spawnp(&pid, self, NULL, NULL, child_argv, small_env), 0);
    serve_one();
    reap(pid);
    CHECK_EQ(posix_spawn(&pid, "/no/such/program", NULL, NULL, child_argv, environ), ENOENT);

    pid = vfork();
    if (pid == 0) {
        execl(self, self, port, (char *)NULL);
        _exit(9);
    }
    serve_one();
    reap(pid);

    pid = fork();
    if (pid == 0) {
        execle(self, self, port, (char *)NULL, small_env);
        _exit(9);
    }
    serve_one();
    reap(pid);

    FILE *f = popen(command, "r");
    CHECK(f != NULL);
    serve_one();
    CHECK_EQ(pclose(f), 0);

    pid = fork();
    if (pid == 0)
        _exit(system(command) == 0 ? 0 : 9);
    serve_one();
    reap(pid);

    /* A vfork child shares our memory: sockets in it must not harm us. */
    int d = bound(AF_INET, SOCK_DGRAM);
    union sa to = name_of(d);
    static volatile int made;
    pid = vfork();
    if (pid == 0) {
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        made = fd;
        ssize_t sent = sendto(fd, "vfork", 5, 0, &to.any, sa_len(&to));
        usleep(50000); /* test_udp_exit.c is about those that do not wait */
        _exit(sent == 5 ? 0 : 1);
    }
    reap(pid);
    char buf[16];
    CHECK_EQ(recv(d, buf, sizeof(buf), 0), 5);
    int pipes[2]; /* the number that was the child's socket is a pipe here */
    CHECK(pipe(pipes) == 0);
    CHECK(pipes[0] == made || pipes[1] == made);
    CHECK_EQ(write(pipes[1], "pipe", 4), 4);
    CHECK_EQ(read(pipes[0], buf, sizeof(buf)), 4);
    int stream[2];
    close(d);
    stream_pair(AF_INET, stream);
    check_stream(stream[0], stream[1]);
    return 0;
}
