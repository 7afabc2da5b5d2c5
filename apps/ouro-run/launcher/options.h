/*
 * Command line of ouro-run. The options end at the program's name, whose own options must not be
 * touched.
 */
#ifndef OURO_OPTIONS_H
#define OURO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Words of the command line, in order. BOUNDED by it. */
struct words {
    const char **at;
    size_t count;
};

struct options {
    struct words names;
    struct words rules;
    struct words rule_files;
    bool check, print, verbose, no_direct, stop, help, version;
    const char *dir;  /* absolute, or NULL */
    const char *node; /* NULL: not given */
    const char *idle; /* digits: seconds; NULL: not given */
    char **command;   /* the program and its arguments; its first is NULL when none was given */
};

/* False after a complaint about what is wrong. Strings are those of `argv`. */
bool parse_options(int argc, char **argv, struct options *options);

#endif
