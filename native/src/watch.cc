/*
 * Events of a descriptor, by uv_poll. The libuv handle outlives the JavaScript object until its close
 * callback, so closing inside the watch's own callback is safe. When the environment goes down, one hook
 * closes every watch and lets it go on only after the last close callback.
 */
#include "args.h"

#include <uv.h>

namespace ouro {

class Watch;

struct Poll {
        uv_poll_t handle;
        State *state;
        napi_env env;
        Watch *owner; /* null once closed */
        Poll *next, *prev;
};

class Watch : public Napi::ObjectWrap<Watch> {
public:
        explicit Watch(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Watch>(info) {}
        ~Watch() override { stop(); }

        static Napi::Function define(Napi::Env env)
        {
                return DefineClass(env, "Watch",
                                   {
                                       InstanceMethod<&Watch::update>("update"),
                                       InstanceMethod<&Watch::close>("close"),
                                       InstanceMethod<&Watch::ref>("ref"),
                                       InstanceMethod<&Watch::unref>("unref"),
                                   });
        }

        int start(State &state, int fd, int events, Napi::Function callback);
        void stop();

private:
        Napi::Value update(const Napi::CallbackInfo &info);
        Napi::Value close(const Napi::CallbackInfo &info)
        {
                stop();
                return info.Env().Undefined();
        }
        Napi::Value ref(const Napi::CallbackInfo &info)
        {
                if (poll_ != nullptr) uv_ref(reinterpret_cast<uv_handle_t *>(&poll_->handle));
                return info.Env().Undefined();
        }
        Napi::Value unref(const Napi::CallbackInfo &info)
        {
                if (poll_ != nullptr) uv_unref(reinterpret_cast<uv_handle_t *>(&poll_->handle));
                return info.Env().Undefined();
        }
        static void on_poll(uv_poll_t *handle, int status, int events);

        Poll *poll_ = nullptr;
        Napi::FunctionReference callback_;
};

static const int known_events = UV_READABLE | UV_WRITABLE;

static int uv_events(int events)
{
        return (events & known_events) | ((events & 4) != 0 ? UV_DISCONNECT : 0) |
               ((events & 8) != 0 ? UV_PRIORITIZED : 0);
}

int Watch::start(State &state, int fd, int events, Napi::Function callback)
{
        uv_loop_t *loop = nullptr;
        if (state.down || napi_get_uv_event_loop(Env(), &loop) != napi_ok) return -ECANCELED;
        auto *poll = new Poll();
        int err = uv_poll_init(loop, &poll->handle, fd);
        if (err < 0) {
                delete poll;
                return err;
        }
        poll->handle.data = poll;
        poll->state = &state;
        poll->env = Env();
        poll->owner = this;
        poll->prev = nullptr;
        poll->next = state.polls;
        if (state.polls != nullptr) state.polls->prev = poll;
        state.polls = poll;
        poll_ = poll;
        callback_ = Napi::Persistent(callback);
        Ref(); /* an open watch is alive whether or not somebody holds it */
        return uv_poll_start(&poll->handle, uv_events(events), on_poll);
}

void Watch::stop()
{
        if (poll_ == nullptr) return;
        Poll *poll = poll_;
        poll_ = nullptr;
        poll->owner = nullptr;
        if (poll->prev != nullptr) poll->prev->next = poll->next;
        if (poll->next != nullptr) poll->next->prev = poll->prev;
        if (poll->state->polls == poll) poll->state->polls = poll->next;
        poll->state->closing++;
        uv_poll_stop(&poll->handle); /* from here on the caller may close the descriptor */
        uv_close(reinterpret_cast<uv_handle_t *>(&poll->handle), [](uv_handle_t *handle) {
                auto *done = static_cast<Poll *>(handle->data);
                State *state = done->state;
                delete done;
                if (--state->closing == 0 && state->down) napi_remove_async_cleanup_hook(state->hook);
        });
        callback_.Reset();
        Unref();
}

Napi::Value Watch::update(const Napi::CallbackInfo &info)
{
        if (poll_ == nullptr) return number(info.Env(), -ECANCELED);
        int events = uv_events(int_arg(info, 0));
        if (events == 0) return number(info.Env(), uv_poll_stop(&poll_->handle));
        return number(info.Env(), uv_poll_start(&poll_->handle, events, on_poll));
}

void Watch::on_poll(uv_poll_t *handle, int status, int events)
{
        auto *poll = static_cast<Poll *>(handle->data);
        if (poll->owner == nullptr) return;
        napi_env env = poll->env;
        Napi::HandleScope scope(env);
        int seen = (events & known_events) | ((events & UV_DISCONNECT) != 0 ? 4 : 0) |
                   ((events & UV_PRIORITIZED) != 0 ? 8 : 0);
        napi_value argv[2], self, callback = poll->owner->callback_.Value();
        napi_create_int32(env, status, &argv[0]);
        napi_create_int32(env, seen, &argv[1]);
        napi_get_global(env, &self);
        /* Not a bare call: promises and ticks of the callback must run before the loop goes on. */
        napi_status st = napi_make_callback(env, poll->state->context, self, callback, 2, argv, nullptr);
        if (st != napi_pending_exception) return;
        napi_value error;
        if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

/* (fd, events, callback): Watch or -errno. */
static Napi::Value watch(const Napi::CallbackInfo &info)
{
        int fd = int_arg(info, 0);
        int events = int_arg(info, 1);
        if (!info[2].IsFunction()) misuse(info.Env(), "callback expected");
        State &state = state_of(info.Env());
        Napi::Object object = state.watch.New({});
        Watch *self = Watch::Unwrap(object);
        int err = self->start(state, fd, events, info[2].As<Napi::Function>());
        if (err < 0) {
                self->stop();
                return number(info.Env(), err);
        }
        return object;
}

static void on_teardown(napi_async_cleanup_hook_handle hook, void *arg)
{
        auto *state = static_cast<State *>(arg);
        state->down = true;
        state->hook = hook;
        while (state->polls != nullptr) state->polls->owner->stop();
        if (state->closing == 0) napi_remove_async_cleanup_hook(hook);
}

void register_watch(Napi::Env env, Napi::Object exports)
{
        State &state = state_of(env);
        state.watch = Napi::Persistent(Watch::define(env));
        napi_async_init(env, nullptr, Napi::String::New(env, "ouro.watch"), &state.context);
        napi_add_async_cleanup_hook(env, on_teardown, &state, nullptr);
        add(env, exports, "watch", watch);
}

} // namespace ouro
