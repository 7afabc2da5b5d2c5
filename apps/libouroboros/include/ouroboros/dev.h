/*
 * Flows: allocate, accept, read, write. All functions return a negative errno on failure, see
 * <ouroboros/errno.h>.
 *
 * A flow descriptor is a small number from 64 on. It is not a file descriptor: it goes with
 * flow_read, flow_write, fccntl and flow sets, and belongs to the process that allocated the flow.
 * A child of fork starts with no flows. Any thread may use any flow at any time; a signal handler
 * may not.
 *
 * A time-out is relative; NULL means the default of the call, {0, 0} means now or never
 * (-ETIMEDOUT).
 */
#ifndef OUROBOROS_DEV_H
#define OUROBOROS_DEV_H

#include <ouroboros/cdefs.h>
#include <ouroboros/qos.h>

#include <stddef.h>
#include <sys/types.h>
#include <time.h>

OURO_BEGIN_DECLS

/*
 * Allocates a flow to whoever accepts for the name `dst`. `qs` NULL asks for qos_raw; otherwise it
 * is updated to what was granted. `timeo` NULL: 20 s. Returns the flow descriptor.
 *
 * -ENAME: nobody knows the name; -EIPCP: no layer reaches it, or nobody accepts; -ETIMEDOUT;
 * -EIRMD: irmd does not answer; -EBADF: all flow descriptors are in use; -EMFILE: all file
 * descriptors are; -EINVAL; or the errno of the accepting side.
 */
int flow_alloc(const char *dst, qosspec_t *qs, const struct timespec *timeo);

/*
 * Waits for a flow to a name that this process is bound to. `qs`, when not NULL, receives the
 * requested QoS. `timeo` NULL: for ever. Returns the flow descriptor, or -ETIMEDOUT, -EIRMD,
 * -EBADF, -EMFILE, -EINVAL.
 */
int flow_accept(qosspec_t *qs, const struct timespec *timeo);

/*
 * Joins the broadcast layer `layer`. As flow_alloc; -EIPCP: no such layer here; -EOPNOTSUPP: it is
 * no broadcast layer.
 */
int flow_join(const char *layer, const struct timespec *timeo);

/*
 * Releases the flow. Packets that were written stay readable at the other end. Calls that wait on
 * it in other threads return -ENOTALLOC. -EBADF: no flow descriptor; -ENOTALLOC: not allocated.
 */
int flow_dealloc(int fd);

/*
 * Writes one packet. Returns `count`. Waits while the flow is full, at most the send time-out; an
 * empty packet is a keepalive that nobody reads.
 *
 * -EFLOWDOWN: the other end has deallocated, or the flow is down for now (FLOW_UP tells when it is
 * up again); -EFLOWPEER: the other end died or has fallen silent; -EAGAIN: full and non-blocking; -ETIMEDOUT; -EMSGSIZE: larger than the flow takes;
 * -EPERM: read-only here, or write-only at the other end; -EINVAL: no buffer; -EBADF; -ENOTALLOC.
 */
ssize_t flow_write(int fd, const void *buf, size_t count);

/*
 * Reads one packet, or the next part of one. Returns the number of bytes.
 *
 * A packet larger than `count` comes in parts. A call that returns exactly `count` bytes has not
 * seen the packet's end yet: the next one returns more of it, or 0. With FLOWFRNOPART (fccntl) a
 * packet comes whole, and one that is larger than `count` is dropped with -EMSGSIZE.
 *
 * What is queued is read before anything else is reported. -EFLOWDOWN: the other end has
 * deallocated, or the flow is down for now (FLOW_UP tells when it is up again); -EFLOWPEER: the
 * other end died or has fallen silent; -EAGAIN: nothing there and non-blocking; -ETIMEDOUT; -EPERM: write-only here, or read-only at the other
 * end; -EINVAL: no buffer; -EBADF; -ENOTALLOC.
 */
ssize_t flow_read(int fd, void *buf, size_t count);

OURO_END_DECLS

#endif
