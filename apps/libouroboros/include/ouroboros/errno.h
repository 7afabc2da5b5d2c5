/*
 * Errors of Ouroboros, beside those of <errno.h>. Every function of this library returns a negative
 * errno on failure; the variable `errno` is not used.
 */
#ifndef OUROBOROS_ERRNO_H
#define OUROBOROS_ERRNO_H

#include <errno.h>

#define ENOTALLOC 1000  /* the flow is not allocated */
#define EIPCPTYPE 1001  /* unknown type of IPCP */
#define EIRMD 1002      /* irmd does not answer */
#define EIPCP 1003      /* no layer reaches the name, or nobody there accepts */
#define EIPCPSTATE 1004 /* the IPCP is in another state */
#define EFLOWDOWN 1005  /* the flow is down: its other end has deallocated it, or it is down for now */
#define EFLOWPEER 1006  /* the other end died, or was not heard for the QoS time-out */
#define ENAME 1007      /* unknown name */
#define ECRYPT 1008     /* encryption failed */
#define EAUTH 1009      /* authentication failed */

#endif
