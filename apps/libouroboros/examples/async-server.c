/*
 * The asynchronous server of the FOSDEM 2018 talk: answers oping for many flows in one thread. The
 * two loops, of accept_flows and serve_flows, are as on the slides; around them are the
 * declarations that they need, and a thread that drops flows that have been silent for 10 s.
 *
 * <ouroboros/fcntl.h> is what makes the slides' fcntl(fd, FLOWSFLAGS, ...) mean fccntl.
 */
#include <ouroboros/dev.h>
#include <ouroboros/errno.h>
#include <ouroboros/fcntl.h>
#include <ouroboros/fqueue.h>

#include "oping-msg.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SILENCE_SEC 10

static struct {
    fset_t *        flows;
    fqueue_t *      fq;
    struct timespec times[OPING_MAX_FLOWS];
    pthread_mutex_t lock;
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void * accept_flows(void * arg)
{
    int             fd;
    struct timespec now;
    qosspec_t       qs;

    (void) arg;

    while (true) {
        fd = flow_accept(&qs, NULL);
        if (fd < 0) {
            printf("Failed to accept flow.\n");
            break;
        }

        printf("New flow %d.\n", fd);

        clock_gettime(CLOCK_REALTIME, &now);

        pthread_mutex_lock(&server.lock);
        fset_add(server.flows, fd);
        server.times[fd] = now;
        pthread_mutex_unlock(&server.lock);

        fcntl(fd, FLOWSFLAGS, FLOWFNONBLOCK | FLOWFRDWR);
    }

    exit(1);
}

static void * serve_flows(void * arg)
{
    int                fd;
    ssize_t            msg_len;
    char               buf[OPING_BUF_SIZE];
    struct oping_msg * msg = (struct oping_msg *) buf;
    struct timespec    now;
    struct timespec    timeout = { 0, 100 * 1000 * 1000 };

    (void) arg;

    while (true) {
        if (fevent(server.flows, server.fq, &timeout) == -ETIMEDOUT)
            continue;

        while ((fd = fqueue_next(server.fq)) >= 0) {
            msg_len = flow_read(fd, buf, OPING_BUF_SIZE);
            if (msg_len < 0)
                continue;

            if (ntohl(msg->type) != ECHO_REQUEST) {
                printf("Invalid message on fd %d.", fd);
                continue;
            }

            clock_gettime(CLOCK_REALTIME, &now);

            pthread_mutex_lock(&server.lock);
            server.times[fd] = now;
            pthread_mutex_unlock(&server.lock);

            msg->type = htonl(ECHO_REPLY);

            if (flow_write(fd, buf, msg_len) < 0)
                printf("Error writing to flow (fd %d).\n", fd);
        }
    }

    return NULL;
}

static void drop_silent_flows(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&server.lock);
    for (int fd = 0; fd < OPING_MAX_FLOWS; fd++) {
        if (!fset_has(server.flows, fd) || now.tv_sec - server.times[fd].tv_sec <= SILENCE_SEC)
            continue;
        printf("Flow %d timed out.\n", fd);
        fset_del(server.flows, fd);
        flow_dealloc(fd);
    }
    pthread_mutex_unlock(&server.lock);
}

int main(void)
{
    pthread_t acceptor;
    pthread_t servant;

    setvbuf(stdout, NULL, _IOLBF, 0);
    server.flows = fset_create();
    server.fq = fqueue_create();
    if (server.flows == NULL || server.fq == NULL)
        return 1;

    printf("Ouroboros ping server started.\n");
    if (pthread_create(&acceptor, NULL, accept_flows, NULL) != 0 ||
        pthread_create(&servant, NULL, serve_flows, NULL) != 0)
        return 1;

    while (true) {
        sleep(1);
        drop_silent_flows();
    }
}
