/* See env.h. Called between vfork and exec: reads what the constructor has written, writes to the
 * caller's stack alone. */
#define _GNU_SOURCE
#include "env.h"

#include "door.h"

#include "text.h"

#include <dlfcn.h>
#include <string.h>

#define KEPT_BYTES 2048
#define KEPT_MAX   (OSHIM_ENV_EXTRA - 2)

static char preload_entry[OSHIM_ENV_PRELOAD]; /* "LD_PRELOAD=..." as this process has it */
static char own_path[1024];
static char kept_bytes[KEPT_BYTES]; /* "OURO_...=..." one after the other */
static char *kept[KEPT_MAX];        /* BOUNDED: further ones are not handed on */
static size_t kept_count;

static const char PRELOAD[] = "LD_PRELOAD=";
static const char OFF[] = "OURO_GATEWAY=";

static bool starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(b, "=");
    return strncmp(a, b, n) == 0 && a[n] == '=';
}

static bool find_own_path(void)
{
    Dl_info info;
    struct oshim__text t = OSHIM_TEXT(own_path);
    if (dladdr((const void *)own_path, &info) == 0 || info.dli_fname == NULL ||
        strlen(info.dli_fname) >= sizeof(own_path))
        return false;
    oshim__put(&t, info.dli_fname);
    return true;
}

bool oshim__env_init(char *const envp[])
{
    struct oshim__text t = OSHIM_TEXT(preload_entry);
    struct oshim__text k = OSHIM_TEXT(kept_bytes);

    if (!find_own_path())
        return false;
    oshim__put(&t, PRELOAD);
    oshim__put(&t, own_path);
    for (size_t i = 0; envp[i] != NULL; i++) {
        if (starts(envp[i], PRELOAD) && strstr(envp[i], own_path) != NULL) {
            if (strlen(envp[i]) >= sizeof(preload_entry))
                return false;
            memcpy(preload_entry, envp[i], strlen(envp[i]) + 1);
        }
        if (!starts(envp[i], "OURO_") || kept_count == KEPT_MAX ||
            strlen(envp[i]) + 1 > (size_t)(k.end - k.at))
            continue;
        kept[kept_count++] = k.at;
        oshim__put(&k, envp[i]);
        k.at++;
    }
    return true;
}

size_t oshim__env_count(char *const envp[])
{
    size_t n = 0;
    while (envp != NULL && envp[n] != NULL)
        n++;
    return n;
}

/* The program's own LD_PRELOAD, with ours in front. */
static char *join(const char *entry, char preload[OSHIM_ENV_PRELOAD])
{
    struct oshim__text t = {preload, preload + OSHIM_ENV_PRELOAD - 1};
    oshim__put(&t, PRELOAD);
    oshim__put(&t, own_path);
    oshim__put(&t, ":");
    oshim__put(&t, entry + strlen(PRELOAD));
    return preload;
}

void oshim__env_fix(char *const envp[], char *out[], char preload[OSHIM_ENV_PRELOAD])
{
    bool has_preload = false;
    size_t n = 0;

    for (size_t i = 0; envp != NULL && envp[i] != NULL; i++) {
        out[n++] = envp[i];
        if (strcmp(envp[i], OFF) == 0) {
            memcpy(out, envp, (oshim__env_count(envp) + 1) * sizeof(*out));
            return;
        }
        if (!starts(envp[i], PRELOAD))
            continue;
        has_preload = true;
        if (strstr(envp[i], own_path) == NULL)
            out[n - 1] = join(envp[i], preload);
    }
    if (!has_preload)
        out[n++] = preload_entry;
    for (size_t k = 0; k < kept_count; k++) {
        bool present = false;
        for (size_t i = 0; envp != NULL && envp[i] != NULL && !present; i++)
            present = same_name(envp[i], kept[k]);
        if (!present)
            out[n++] = kept[k];
    }
    char *door = oshim__door_env();
    if (door != NULL) {
        size_t at = 0;
        while (at < n && !same_name(out[at], door))
            at++;
        out[at] = door;
        n += at == n;
    }
    out[n] = NULL;
}
