#include "gateway.h"

#include "complain.h"

#include "deadline.h"
#include "msgpack.h"
#include "rundir.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_MESSAGE = 65536,
    ANSWER_MS = 5000,
};

static void put_text(struct ouro_mp_out *out, const char *key, const char *text)
{
    ouro_mp_str(out, key);
    ouro_mp_str(out, text);
}

static void put_rules(struct ouro_mp_out *out, const struct words *rules)
{
    ouro_mp_str(out, "rules");
    ouro_mp_array(out, (uint32_t)rules->count);
    for (size_t i = 0; i < rules->count; i++) {
        ouro_mp_map(out, 2);
        put_text(out, "where", format("-r %zu", i + 1));
        put_text(out, "text", rules->at[i]);
    }
}

static void put_files(struct ouro_mp_out *out, const struct words *files, const char **texts)
{
    ouro_mp_str(out, "files");
    ouro_mp_array(out, (uint32_t)files->count);
    for (size_t i = 0; i < files->count; i++) {
        ouro_mp_map(out, 2);
        put_text(out, "name", files->at[i]);
        put_text(out, "text", texts[i]);
    }
}

static void put_request(struct ouro_mp_out *out, const struct options *o, const char **texts,
                        const char *program)
{
    ouro_mp_map(out, 3);
    ouro_mp_str(out, "i");
    ouro_mp_uint(out, 1);
    put_text(out, "m", "run_create");
    ouro_mp_str(out, "p");
    ouro_mp_map(out, 5);
    ouro_mp_str(out, "names");
    ouro_mp_array(out, (uint32_t)o->names.count);
    for (size_t i = 0; i < o->names.count; i++)
        ouro_mp_str(out, o->names.at[i]);
    put_rules(out, &o->rules);
    put_files(out, &o->rule_files, texts);
    put_text(out, "program", program);
    ouro_mp_str(out, "direct");
    ouro_mp_bool(out, !o->no_direct);
}

static enum answer understand(const uint8_t *bytes, size_t length, uint64_t *run)
{
    struct ouro_mp_view answer = ouro_mp_parse(bytes, length);
    struct ouro_mp_view error = ouro_mp_get(answer, "e");
    const char *text;
    size_t text_length;

    if (ouro_mp_to_uint(ouro_mp_get(ouro_mp_get(answer, "r"), "run"), run))
        return ANSWERED;
    if (ouro_mp_to_str(ouro_mp_get(error, "message"), &text, &text_length))
        complain("%.*s", (int)text_length, text);
    else
        complain("The gateway gave an answer that is none");
    return REFUSED;
}

static enum answer no_answer(void)
{
    complain("The gateway did not answer in %d s; ouro-run --stop ends it", ANSWER_MS / 1000);
    return REFUSED;
}

static enum answer await_answer(int fd, uint64_t *run)
{
    static uint8_t bytes[MAX_MESSAGE];
    struct ouro_deadline deadline;

    ouro_deadline_in_ms(&deadline, ANSWER_MS);
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        struct timespec left;

        if (ppoll(&poll_fd, 1, ouro_deadline_left(&deadline, &left), NULL) == 0)
            return no_answer();

        ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (got > 0)
            return understand(bytes, (size_t)got, run);
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            return NOBODY;
    }
}

enum answer create_run(const char *folder, const struct options *options, const char **texts,
                       const char *program, uint64_t *run)
{
    static uint8_t request[MAX_MESSAGE];
    struct ouro_mp_out out = {.buf = request, .cap = sizeof(request)};
    char why[512];
    int trust = ouro_rundir_trust(folder, why, sizeof(why));

    if (trust == -ENOENT)
        return NOBODY;
    if (trust < 0) {
        complain("%s", why);
        return REFUSED;
    }
    put_request(&out, options, texts, program);
    if (out.bad) {
        complain("Rules and names are longer than %d bytes together", MAX_MESSAGE);
        return REFUSED;
    }

    int fd = ouro_rundir_open(folder, "admin", ANSWER_MS);

    if (fd == -EAGAIN)
        return no_answer();
    if (fd < 0)
        return NOBODY;

    ssize_t sent;

    do
        sent = send(fd, request, out.len, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);

    enum answer answer = sent < 0 ? NOBODY : await_answer(fd, run);

    close(fd);
    return answer;
}
