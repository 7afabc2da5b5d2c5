#include "options.h"

#include "complain.h"

#include <string.h>

enum { LONGEST_NAME = 255, LONGEST_IDLE = 7 };

struct flag {
    const char *option;
    bool *set;
};

static bool set_flag(struct options *o, const char *word)
{
    const struct flag flags[] = {
        {"--check", &o->check},     {"-p", &o->print},        {"--print", &o->print},
        {"-v", &o->verbose},        {"--verbose", &o->verbose}, {"--no-direct", &o->no_direct},
        {"--stop", &o->stop},       {"-h", &o->help},         {"--help", &o->help},
        {"-V", &o->version},        {"--version", &o->version},
    };

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(word, flags[i].option) != 0)
            continue;
        *flags[i].set = true;
        return true;
    }
    return false;
}

static bool is_name(const char *option, const char *value)
{
    if (strlen(value) <= LONGEST_NAME)
        return true;
    complain("Option %s: the name is longer than %d bytes", option, LONGEST_NAME);
    return false;
}

static bool set_dir(struct options *o, char *value)
{
    size_t length = strlen(value);

    if (value[0] != '/') {
        complain("Option --dir: %s is no absolute path", value);
        return false;
    }
    while (length > 1 && value[length - 1] == '/')
        value[--length] = '\0';
    o->dir = value;
    return true;
}

static bool set_idle(struct options *o, const char *value)
{
    size_t digits = strspn(value, "0123456789");

    if (value[digits] != '\0' || digits > LONGEST_IDLE) {
        complain("Option --idle: %s is no number of seconds", value);
        return false;
    }
    o->idle = value;
    return true;
}

static void add(struct words *words, const char *word)
{
    words->at[words->count++] = word;
}

static bool set_value(struct options *o, const char *option, char *value)
{
    if (strcmp(option, "--name") == 0) {
        add(&o->names, value);
        return is_name(option, value);
    }
    if (strcmp(option, "--node") == 0) {
        o->node = value;
        return is_name(option, value);
    }
    if (strcmp(option, "--dir") == 0)
        return set_dir(o, value);
    if (strcmp(option, "--idle") == 0)
        return set_idle(o, value);
    add(strcmp(option, "--rules") == 0 ? &o->rule_files : &o->rules, value);
    return true;
}

/*
 * The option of `word` when it takes a value; `attached`: where the value starts, NULL when it is
 * the next word.
 */
static const char *with_value(char *word, char **attached)
{
    static const char *const options[] = {"--name", "--rules", "--rule", "--dir",
                                          "--node", "--idle",  "-r"};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        size_t length = strlen(options[i]);

        if (strncmp(word, options[i], length) != 0)
            continue;
        *attached = word + length;
        if (word[length] == '\0')
            *attached = NULL;
        else if (word[1] == '-' && word[length] != '=')
            continue;
        else if (word[1] == '-')
            ++*attached;
        return options[i];
    }
    return NULL;
}

static struct words room(int argc)
{
    return (struct words){.at = allocate((size_t)argc * sizeof(char *))};
}

bool parse_options(int argc, char **argv, struct options *o)
{
    int i = 1;

    *o = (struct options){.names = room(argc), .rules = room(argc), .rule_files = room(argc)};
    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        char *word = argv[i];
        char *value;

        if (strcmp(word, "--") == 0) {
            i++;
            break;
        }
        if (set_flag(o, word))
            continue;

        const char *option = with_value(word, &value);

        if (option == NULL) {
            complain("Option %s is unknown; see ouro-run --help", word);
            return false;
        }
        if (value == NULL && i + 1 < argc)
            value = argv[++i];
        if (value == NULL || value[0] == '\0') {
            complain("Option %s needs a value", option);
            return false;
        }
        if (!set_value(o, option, value))
            return false;
    }
    o->command = argv + (i < argc ? i : argc);
    return true;
}
