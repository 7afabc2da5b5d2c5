/*
 * A program that cannot be redirected is not run, unless it is asked for; and a program can start
 * another one that is not to be redirected. Natively the same programs just run.
 */
#include "check.h"

#include <sys/stat.h>

/* Whether a listening socket of ours is one of the kernel's TCP. */
static bool is_real_tcp(void)
{
    int l = listener(AF_INET);
    union sa a = name_of(l);
    char line[256], wanted[32];
    bool found = false;
    FILE *f = fopen("/proc/net/tcp", "r");
    CHECK(f != NULL);
    snprintf(wanted, sizeof(wanted), ":%04X 00000000:0000 0A", (unsigned)port_of(&a));
    while (fgets(line, sizeof(line), f) != NULL)
        found = found || strstr(line, wanted) != NULL;
    fclose(f);
    return found;
}

static int status_of(char *const env[], const char *what)
{
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        char *argv[] = {(char *)(uintptr_t)"test", (char *)(uintptr_t)what, NULL};
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        execve("/proc/self/exe", argv, env);
        _exit(99);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    start();
    if (argc > 1)
        return strcmp(argv[1], "real") == 0 ? !is_real_tcp() : 0;
    bool redirected = getenv("OURO_GATEWAY") != NULL;
    CHECK_EQ(is_real_tcp(), !redirected);

    char nowhere[] = "OURO_GATEWAY=/no/such/folder", open_mode[] = "OURO_FAIL_OPEN=1";
    char off[] = "OURO_GATEWAY=";
    char *closed[] = {nowhere, NULL}, *opened[] = {nowhere, open_mode, NULL}, *none[] = {off, NULL};
    CHECK_EQ(status_of(closed, "any"), redirected ? 127 : 0);
    CHECK_EQ(status_of(opened, "real"), 0);
    CHECK_EQ(status_of(none, "real"), 0);
    return 0;
}
