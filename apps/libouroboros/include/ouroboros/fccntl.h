/* Control of a flow: time-outs, flags, QoS, queue lengths. */
#ifndef OUROBOROS_FCCNTL_H
#define OUROBOROS_FCCNTL_H

#include <ouroboros/cdefs.h>
#include <ouroboros/qos.h>

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Flags of a flow. */
#define FLOWFRDONLY 00000000
#define FLOWFWRONLY 00000001
#define FLOWFRDWR 00000002
#define FLOWFACCMODE 00000003
#define FLOWFDOWN 00000004     /* the flow is down, at both ends */
#define FLOWFRNOBLOCK 00001000 /* reads do not wait */
#define FLOWFWNOBLOCK 00002000 /* writes do not wait */
#define FLOWFNONBLOCK (FLOWFRNOBLOCK | FLOWFWNOBLOCK)
#define FLOWFRNOPART 00010000 /* no reading of packets in parts */
#define FLOWFWNOPART 00020000 /* no writing of packets in parts; they never are */
#define FLOWFDEFAULT (FLOWFRDWR | FLOWFWNOPART)
#define FLOWFINVALID (FLOWFWRONLY | FLOWFRDWR)

/* Flags of flow and retransmission control; flows that are in order have it. */
#define FRCTFRTX 00000001     /* lost packets are sent again; fixed by the QoS */
#define FRCTFRESCNTL 00000002 /* the receiver's window is heeded */
#define FRCTFLINGER 00000004  /* deallocation waits until all has arrived */

/*
 * Commands. Their type is not int, so that <ouroboros/fcntl.h> can tell them from fcntl's at
 * compile time.
 */
#define OURO_FLOW_COMMAND(n) ((unsigned short)(n))

#define FLOWSRCVTIMEO OURO_FLOW_COMMAND(00000001) /* const struct timespec *; NULL: none */
#define FLOWGRCVTIMEO OURO_FLOW_COMMAND(00000002) /* struct timespec *; -EPERM: none set */
#define FLOWSSNDTIMEO OURO_FLOW_COMMAND(00000003)
#define FLOWGSNDTIMEO OURO_FLOW_COMMAND(00000004)
#define FLOWGQOSSPEC OURO_FLOW_COMMAND(00000005) /* qosspec_t * */
#define FLOWSFLAGS OURO_FLOW_COMMAND(00000006)   /* uint32_t */
#define FLOWGFLAGS OURO_FLOW_COMMAND(00000007)   /* uint32_t * */
#define FLOWGRXQLEN OURO_FLOW_COMMAND(00000010)  /* size_t *: packets that wait to be read here */
#define FLOWGTXQLEN                                                                                \
        OURO_FLOW_COMMAND(00000011) /* size_t *: packets that the other end has not read */
#define FRCTSFLAGS                                                                                 \
        OURO_FLOW_COMMAND(00001000)            /* uint16_t; -EPERM: no such control on this flow   \
                                                */
#define FRCTGFLAGS OURO_FLOW_COMMAND(00002000) /* uint16_t * */

OURO_BEGIN_DECLS

/* 0, or -EINVAL, -EPERM, -EBADF, -ENOTALLOC, -ENOTSUP: unknown command. */
int fccntl(int fd, int cmd, ...);

OURO_END_DECLS

#endif
