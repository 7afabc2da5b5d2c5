/* The lock of a folder: for as long as its descriptor or a copy of it is open. */
#ifndef OURO_GUARD_LOCK_H
#define OURO_GUARD_LOCK_H

/*
 * Returns a descriptor, or -1: with the holder's pid (0: not known yet, or it has just removed the
 * folder), or with -1 for an error.
 */
int take_lock(const char *path, long *holder);

/* For those who find it taken. */
void write_pid(int lock);

#endif
