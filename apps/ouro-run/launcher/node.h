/*
 * The part of ouro-run that is not on the way of every program's start: a program for Node
 * (apps/ouro-run/main.ts).
 */
#ifndef OURO_NODE_H
#define OURO_NODE_H

/* `words`: its command line, up to a NULL. */

/* Becomes it; returns an exit status after a complaint. */
int become_node(const char *root, char **words);

/* Runs it without descriptors of ours but stdout and stderr, and gives its exit status. */
int run_node(const char *root, char **words);

/*
 * The same in the background of ours: no terminal input, nothing on stdout, a clean environment,
 * and not for ever.
 */
int run_node_quietly(const char *root, char **words);

#endif
