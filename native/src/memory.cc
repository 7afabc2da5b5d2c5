/*
 * Shared memory. A mapping is an external ArrayBuffer; `unmap` detaches it and unmaps at once, because
 * thousands of flows cannot wait for the garbage collector. The finalizer runs in any case, later, and finds
 * the mapping gone. A mapping never reaches beyond its file: reading there would be SIGBUS.
 *
 * V8 counts an external buffer as garbage-collection pressure. Mapped rings are mostly untouched and never
 * freed by collecting, so the amount is taken out of its account while the mapping lives: otherwise every 32nd
 * flow of a busy host costs a full collection.
 */
#include "args.h"

#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ouro {

struct Mapping {
        void *addr;
        size_t len;
        std::shared_ptr<Mappings> all;

        void release(Napi::Env env)
        {
                if (addr == nullptr) return;
                all->erase(addr);
                munmap(addr, len);
                addr = nullptr;
                Napi::MemoryManagement::AdjustExternalMemory(env, static_cast<int64_t>(len));
        }
};

/* Maps `len` bytes of `fd`, which stays open. Value: ArrayBuffer or -errno. */
static Napi::Value map(Napi::Env env, int fd, size_t len)
{
        struct stat st;
        if (fstat(fd, &st) < 0) return result(env, -1);
        if (len == 0 || static_cast<uint64_t>(st.st_size) < len) return number(env, -EINVAL);
        void *addr = mmap(nullptr, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (addr == MAP_FAILED) return result(env, -1);
        auto *mapping = new Mapping{addr, len, state_of(env).mappings};
        (*mapping->all)[addr] = mapping;
        Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(
            env, addr, len,
            [](Napi::Env finalizing, void *, Mapping *m) {
                    m->release(finalizing);
                    delete m;
            },
            mapping);
        Napi::MemoryManagement::AdjustExternalMemory(env, -static_cast<int64_t>(len));
        return buffer;
}

static Napi::Value mmap_fd(const Napi::CallbackInfo &info)
{
        return map(info.Env(), int_arg(info, 0), size_arg(info, 1));
}

static Napi::Value unmap(const Napi::CallbackInfo &info)
{
        if (!info[0].IsArrayBuffer()) misuse(info.Env(), "ArrayBuffer expected");
        Napi::ArrayBuffer buffer = info[0].As<Napi::ArrayBuffer>();
        if (buffer.IsDetached()) return number(info.Env(), 0);
        Mappings &all = *state_of(info.Env()).mappings;
        auto found = all.find(buffer.Data());
        if (found == all.end()) misuse(info.Env(), "not a mapping of ours");
        Mapping *mapping = found->second;
        buffer.Detach();
        mapping->release(info.Env());
        return number(info.Env(), 0);
}

/* (buffer, offset, length): gives whole pages of a shared mapping back to the kernel; they read as zero. */
static Napi::Value punch(const Napi::CallbackInfo &info)
{
        if (!info[0].IsArrayBuffer()) misuse(info.Env(), "ArrayBuffer expected");
        Napi::ArrayBuffer buffer = info[0].As<Napi::ArrayBuffer>();
        size_t off = size_arg(info, 1);
        size_t len = size_arg(info, 2);
        if (off > buffer.ByteLength() || len > buffer.ByteLength() - off)
                misuse(info.Env(), "range outside its buffer");
        return result(info.Env(), madvise(static_cast<char *>(buffer.Data()) + off, len, MADV_REMOVE));
}

static const unsigned ring_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

/* (name, size, head?): a memfd of fixed size that starts with `head` and zeros. */
static Napi::Value memfd_create_(const Napi::CallbackInfo &info)
{
        std::string name = string_arg(info, 0);
        size_t size = size_arg(info, 1);
        Span head = info[2].IsUndefined() ? Span{nullptr, 0} : bytes_arg(info, 2);
        if (head.len > size) misuse(info.Env(), "head longer than the file");
        int fd = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0) return result(info.Env(), -1);
        errno = EIO; /* for a short write, which sets none */
        if (ftruncate(fd, static_cast<off_t>(size)) < 0 ||
            (head.len > 0 && pwrite(fd, head.data, head.len, 0) != static_cast<ssize_t>(head.len)) ||
            fcntl(fd, F_ADD_SEALS, ring_seals) < 0) {
                int saved = errno;
                close(fd);
                return number(info.Env(), -saved);
        }
        return number(info.Env(), fd);
}

static Napi::Value memfd_seals(const Napi::CallbackInfo &info)
{
        return result(info.Env(), fcntl(int_arg(info, 0), F_GET_SEALS));
}

/* (path, size, mode): maps a file, made or extended to `size`. Keep it where only trusted users can write. */
static Napi::Value open_shared(const Napi::CallbackInfo &info)
{
        std::string path = string_arg(info, 0);
        size_t size = size_arg(info, 1);
        int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                      static_cast<mode_t>(int_arg(info, 2)));
        if (fd < 0) return result(info.Env(), -1);
        struct stat st;
        int failed = 0;
        if (fstat(fd, &st) < 0)
                failed = errno;
        else if (!S_ISREG(st.st_mode))
                failed = EINVAL;
        else if (static_cast<uint64_t>(st.st_size) < size && ftruncate(fd, static_cast<off_t>(size)) < 0)
                failed = errno;
        Napi::Value out = failed != 0 ? number(info.Env(), -failed) : map(info.Env(), fd, size);
        close(fd);
        return out;
}

void register_memory(Napi::Env env, Napi::Object exports)
{
        add(env, exports, "memfdCreate", memfd_create_);
        add(env, exports, "memfdSeals", memfd_seals);
        add(env, exports, "mmapFd", mmap_fd);
        add(env, exports, "unmap", unmap);
        add(env, exports, "punch", punch);
        add(env, exports, "openShared", open_shared);
}

} // namespace ouro
