/*
 * Finds the program as a shell would, and says in a sentence why it cannot be run under the shim
 * when that is so.
 */
#ifndef OURO_PROGRAM_H
#define OURO_PROGRAM_H

struct program {
    const char *path;
    /* Exit status as env(1) has it, and the sentence; 0 and NULL when it can be run. */
    int status;
    const char *problem;
};

struct program find_program(const char *name);

#endif
