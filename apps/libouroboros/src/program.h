/* What this process is called: the name that `irm bind program` uses. */
#ifndef OURO_PROGRAM_H
#define OURO_PROGRAM_H

#include <limits.h>

/*
 * Path of the program: the executable, or the script that an interpreter (Python, Node) runs. ""
 * when unknown.
 */
void ouro_program_path(char path[PATH_MAX]);

/* Last part of a path. */
const char *ouro_program_base(const char *path);

/* The script among an interpreter's arguments (NUL-separated), or NULL. For tests. */
const char *ouro_program_script(const char *args, unsigned long len);

#endif
