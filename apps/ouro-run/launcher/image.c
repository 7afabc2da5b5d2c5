#include "image.h"

#include "complain.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum {
    /* What the kernel looks at of a script's first line. */
    HEAD_BYTES = 256,
    MAX_PROGRAM_HEADERS = 256,
    MAX_LOADER_PATH = 4096,
};

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#error "The shim is built for x86-64 and ARM 64"
#endif

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_386: return "x86 (32 bit)";
    case EM_MIPS: return "MIPS";
    case EM_PPC: return "PowerPC";
    case EM_PPC64: return "PowerPC 64";
    case EM_S390: return "s390";
    case EM_ARM: return "ARM (32 bit)";
    case EM_X86_64: return "x86-64";
    case EM_AARCH64: return "ARM 64";
    case EM_RISCV: return "RISC-V";
    default: return format("machine %u", machine);
    }
}

static enum image_kind unsuitable(const char **text, const char *reason)
{
    *text = reason;
    return IMAGE_UNSUITABLE;
}

static enum image_kind script(const char *head, size_t length, const char **text)
{
    const char *end = memchr(head, '\n', length);
    size_t line = end == NULL ? length : (size_t)(end - head);
    char *first = format("%.*s", (int)line - 2, head + 2);

    first += strspn(first, " \t");
    first[strcspn(first, " \t")] = '\0';
    *text = first;
    return *first == '\0' ? IMAGE_UNKNOWN : IMAGE_SCRIPT;
}

/* `path` is …/ld-linux-x86-64.so.2 or alike. */
static bool is_glibc_loader(const char *path)
{
    const char *name = strrchr(path, '/');
    const char *version = name == NULL ? NULL : strrchr(name, '.');

    if (version == NULL || version - name < 3 || strncmp(name, "/ld-linux", 9) != 0)
        return false;
    return memcmp(version - 3, ".so", 3) == 0 && version[1] != '\0' &&
           version[1 + strspn(version + 1, "0123456789")] == '\0';
}

static enum image_kind by_loader(const char *loader, const char **text)
{
    if (strstr(loader, "musl") != NULL)
        return unsuitable(
            text, format("linked with musl (%s); the shim works with glibc programs", loader));
    if (!is_glibc_loader(loader))
        return unsuitable(text, format("loaded by %s, which is not glibc's loader", loader));
    return IMAGE_DYNAMIC;
}

static enum image_kind elf(int fd, const Elf64_Ehdr *header, const char **text)
{
    if (header->e_phentsize < sizeof(Elf64_Phdr) || header->e_phnum == 0 ||
        header->e_phnum > MAX_PROGRAM_HEADERS)
        return IMAGE_UNKNOWN;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr segment;
        char loader[MAX_LOADER_PATH + 1] = {0};
        uint64_t at = header->e_phoff + (uint64_t)i * header->e_phentsize;

        if (at > INT64_MAX ||
            pread(fd, &segment, sizeof(segment), (off_t)at) != (ssize_t)sizeof(segment))
            break;
        if (segment.p_type != PT_INTERP)
            continue;
        if (segment.p_offset > INT64_MAX || segment.p_filesz < 2 ||
            segment.p_filesz > MAX_LOADER_PATH ||
            pread(fd, loader, segment.p_filesz, (off_t)segment.p_offset) < 0)
            return IMAGE_UNKNOWN;
        return by_loader(loader, text);
    }
    return unsuitable(
        text,
        "statically linked: it calls the kernel by itself, and no library can step in between");
}

static enum image_kind image_of(int fd, const char **text)
{
    union {
        char bytes[HEAD_BYTES];
        Elf64_Ehdr elf;
    } head = {0};
    ssize_t got = pread(fd, head.bytes, sizeof(head), 0);

    if (got >= 2 && memcmp(head.bytes, "#!", 2) == 0)
        return script(head.bytes, (size_t)got, text);
    /* Up to e_machine, the header is the same for 32 and 64 bit. */
    if (got < 20 || memcmp(head.bytes, ELFMAG, SELFMAG) != 0)
        return IMAGE_UNKNOWN;

    bool little = head.elf.e_ident[EI_DATA] == ELFDATA2LSB;
    unsigned machine = head.elf.e_machine;

    if (!little)
        machine = (machine >> 8 | machine << 8) & 0xffff;
    if (head.elf.e_ident[EI_CLASS] != ELFCLASS64 || !little || machine != OWN_MACHINE)
        return unsuitable(text, format("built for %s, and the shim for %s", machine_name(machine),
                                       machine_name(OWN_MACHINE)));
    return got < (ssize_t)sizeof(Elf64_Ehdr) ? IMAGE_UNKNOWN : elf(fd, &head.elf, text);
}

enum image_kind read_image(const char *path, const char **text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    *text = "";
    if (fd < 0)
        return IMAGE_UNREADABLE;

    enum image_kind kind = image_of(fd, text);

    close(fd);
    return kind;
}
