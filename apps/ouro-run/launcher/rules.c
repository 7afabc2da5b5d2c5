#include "rules.h"

#include "complain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A request carries them, and has at most 64 KiB. */
enum { LONGEST = 65000 };

/* Bytes read; -1 with errno. */
static ssize_t read_all(int fd, char *to, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t got = read(fd, to + length, size - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -1 : (ssize_t)length;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

static const char *read_rules(const char *path)
{
    char *text = allocate(LONGEST + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read_all(fd, text, LONGEST + 1);

    if (length < 0)
        complain("Rules %s cannot be read: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (length < 0)
        return NULL;
    if (length > LONGEST) {
        complain("Rules %s are longer than %d bytes", path, LONGEST);
        return NULL;
    }
    if (memchr(text, '\0', (size_t)length) != NULL) {
        complain("Rules %s are no text: there is a byte 0 in them", path);
        return NULL;
    }
    return text;
}

const char **read_rule_files(const struct words *files)
{
    const char **texts = allocate((files->count + 1) * sizeof(char *));

    for (size_t i = 0; i < files->count; i++) {
        texts[i] = read_rules(files->at[i]);
        if (texts[i] == NULL)
            return NULL;
    }
    return texts;
}
