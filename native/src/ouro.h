/*
 * Shape of the addon. One file per concern, each with one `register_*` that adds its verbs.
 *
 * Verbs are tiny and hold no policy: they return a count, a descriptor or a negative errno, and throw
 * only when called wrongly (a range outside its buffer). No file has state of its own: what must live
 * between calls hangs off `State`, one per Node environment, so worker threads can load the addon too.
 */
#pragma once

#include <napi.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace ouro {

struct Mapping;
struct Poll;
class Reactor;

/* Mappings by address. Shared with finalizers, which may run after State is gone. */
using Mappings = std::unordered_map<void *, Mapping *>;

/* State of one Node environment. */
struct State {
        /* BOUNDED by the mappings that JavaScript holds: an entry leaves with its ArrayBuffer */
        std::shared_ptr<Mappings> mappings = std::make_shared<Mappings>();

        /* Open watches, an intrusive list. BOUNDED by the descriptors they watch */
        Poll *polls = nullptr;
        Reactor *reactor = nullptr;
        bool down = false;
        napi_async_context context = nullptr;
        Napi::FunctionReference watch;
};

inline State &state_of(Napi::Env env) { return *env.GetInstanceData<State>(); }

void register_descriptor(Napi::Env env, Napi::Object exports);
void register_unix_socket(Napi::Env env, Napi::Object exports);
void register_message(Napi::Env env, Napi::Object exports);
void register_datagram(Napi::Env env, Napi::Object exports);
void register_gather(Napi::Env env, Napi::Object exports);
void register_packet(Napi::Env env, Napi::Object exports);
void register_udp(Napi::Env env, Napi::Object exports);
void register_memory(Napi::Env env, Napi::Object exports);
void register_watch(Napi::Env env, Napi::Object exports);
void register_process(Napi::Env env, Napi::Object exports);

using Verb = Napi::Value (*)(const Napi::CallbackInfo &);

inline void add(Napi::Env env, Napi::Object exports, const char *name, Verb verb)
{
        exports.Set(name, Napi::Function::New(env, verb, name));
}

} // namespace ouro
