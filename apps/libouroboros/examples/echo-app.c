/*
 * The first program of the FOSDEM 2018 talk: `echo-app -l` serves the name "echo", `echo-app` says
 * hi to it. server_main and client_main are as on the slides.
 */
#include <ouroboros/dev.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BUF_SIZE 256

int server_main(void);
int client_main(void);

int server_main(void)
{
    int      fd = 0;
    char     buf[BUF_SIZE];
    ssize_t count = 0;

    printf("Starting the server.\n");

    while (true) {
        fd = flow_accept(NULL, NULL);
        if (fd < 0) {
            printf("Failed to accept flow.\n");
            break;
        }

        printf("New flow.\n");

        count = flow_read(fd, &buf, BUF_SIZE);
        if (count < 0) {
            printf("Failed to read SDU.\n");
            flow_dealloc(fd);
            continue;
        }

        printf("Message from client is %.*s.\n", (int) count, buf);

        if (flow_write(fd, buf, count) == -1) {
            printf("Failed to write SDU.\n");
            flow_dealloc(fd);
            continue;
        }

        flow_dealloc(fd);
    }

    return 0;
}

int client_main(void)
{
    int      fd      = 0;
    char     buf[BUF_SIZE];
    char * message = "Client says hi!";
    ssize_t count  = 0;

    fd = flow_alloc("echo", NULL, NULL);
    if (fd < 0) {
        printf("Failed to allocate flow.\n");
        return -1;
    }

    if (flow_write(fd, message, strlen(message) + 1) < 0) {
        printf("Failed to write SDU.\n");
        flow_dealloc(fd);
        return -1;
    }

    count = flow_read(fd, buf, BUF_SIZE);
    if (count < 0) {
        printf("Failed to read SDU.\n");
        flow_dealloc(fd);
        return -1;
    }

    printf("Server replied with %.*s\n", (int) count, buf);

    flow_dealloc(fd);

    return 0;
}

int main(int argc, char ** argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "-l") == 0)
        return server_main();
    return client_main() == 0 ? 0 : 1;
}
