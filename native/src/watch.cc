/*
 * Events of a descriptor, for JavaScript. What the reactor knows outlives the JavaScript object until nobody looks at it any more, so
 * closing inside the watch's own callback is safe. When the environment goes down, one hook closes every watch.
 */
#include "args.h"
#include "reactor.h"

#include <fcntl.h>

namespace ouro {

class Watch;

/* Bits of WatchEvent (lib/os/native.ts), and what epoll calls them. */
static const struct {
        int ours;
        uint32_t epoll;
} kinds[] = {{1, EPOLLIN}, {2, EPOLLOUT}, {4, EPOLLRDHUP}, {8, EPOLLPRI}, {16, EPOLLET}};
static const uint32_t known_events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI;

static uint32_t epoll_events(int ours)
{
        uint32_t events = 0;
        for (auto &kind : kinds)
                if ((ours & kind.ours) != 0) events |= kind.epoll;
        return events;
}

struct Poll : Watcher {
        void ready(uint32_t events) override;

        State *state;
        Watch *owner; /* null once closed */
        Poll *next, *prev;
        int fd;
        uint32_t events = 0;
        bool ref = true;
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

        int start(State &state, int fd, int events, napi_value callback);
        void stop();
        void call(int status, uint32_t events);

private:
        Napi::Value update(const Napi::CallbackInfo &info);
        Napi::Value close(const Napi::CallbackInfo &info)
        {
                stop();
                return info.Env().Undefined();
        }
        Napi::Value ref(const Napi::CallbackInfo &info) { return set_ref(info, true); }
        Napi::Value unref(const Napi::CallbackInfo &info) { return set_ref(info, false); }
        Napi::Value set_ref(const Napi::CallbackInfo &info, bool ref);

        Poll *poll_ = nullptr;
        napi_ref callback_ = nullptr;
};

static Reactor *reactor_of(State &state, napi_env env)
{
        uv_loop_t *loop = nullptr;
        if (state.reactor == nullptr && !state.down && napi_get_uv_event_loop(env, &loop) == napi_ok)
                state.reactor = Reactor::acquire(loop);
        return state.down ? nullptr : state.reactor;
}

static int arm(Poll &poll, uint32_t events)
{
        uint32_t had = poll.events;
        poll.events = events;
        return poll.state->reactor->watch(poll.fd, had, events, &poll);
}

int Watch::start(State &state, int fd, int events, napi_value callback)
{
        Reactor *reactor = reactor_of(state, Env());
        if (reactor == nullptr) return -ECANCELED;
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || ((flags & O_NONBLOCK) == 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
                return -errno;
        auto *poll = new Poll();
        poll->state = &state;
        poll->fd = fd;
        int err = arm(*poll, epoll_events(events));
        if (err < 0) {
                delete poll;
                return err;
        }
        poll->owner = this;
        poll->prev = nullptr;
        poll->next = state.polls;
        if (state.polls != nullptr) state.polls->prev = poll;
        state.polls = poll;
        poll_ = poll;
        reactor->count(1, 1);
        napi_create_reference(Env(), callback, 1, &callback_);
        Ref(); /* an open watch is alive whether or not somebody holds it */
        return 0;
}

void Watch::stop()
{
        if (poll_ == nullptr) return;
        Poll *poll = poll_;
        poll_ = nullptr;
        poll->owner = nullptr;
        arm(*poll, 0); /* from here on the caller may close the descriptor */
        if (poll->prev != nullptr) poll->prev->next = poll->next;
        if (poll->next != nullptr) poll->next->prev = poll->prev;
        if (poll->state->polls == poll) poll->state->polls = poll->next;
        Reactor *reactor = poll->state->reactor;
        reactor->count(-1, poll->ref ? -1 : 0);
        reactor->retire(poll);
        napi_delete_reference(Env(), callback_);
        Unref();
}

Napi::Value Watch::update(const Napi::CallbackInfo &info)
{
        if (poll_ == nullptr) return number(info.Env(), -ECANCELED);
        return number(info.Env(), arm(*poll_, epoll_events(int_arg(info, 0))));
}

Napi::Value Watch::set_ref(const Napi::CallbackInfo &info, bool ref)
{
        if (poll_ != nullptr && poll_->ref != ref) {
                poll_->ref = ref;
                poll_->state->reactor->count(0, ref ? 1 : -1);
        }
        return info.Env().Undefined();
}

/* An error is the callback's to fetch, and would be reported for ever: the watch stops. A mere hang-up shows as what was asked for. */
void Poll::ready(uint32_t seen)
{
        uint32_t wanted = events & known_events;
        if (owner == nullptr || wanted == 0) return;
        bool failed = (seen & EPOLLERR) != 0 && (seen & EPOLLPRI) == 0;
        if (failed) arm(*this, 0);
        if ((seen & known_events) == 0) seen = wanted;
        owner->call(failed ? -EBADF : 0, failed ? 0 : seen & wanted);
}

void Watch::call(int status, uint32_t events)
{
        napi_env env = Env();
        int seen = 0;
        for (auto &kind : kinds)
                if ((events & kind.epoll) != 0) seen |= kind.ours;
        napi_handle_scope scope;
        napi_value argv[2], callback, error;
        napi_open_handle_scope(env, &scope);
        napi_get_reference_value(env, callback_, &callback);
        napi_create_int32(env, status, &argv[0]);
        napi_create_int32(env, seen, &argv[1]);
        /* Not a bare call: promises and ticks of the callback must run before the next one. */
        napi_status st =
            napi_make_callback(env, poll_->state->context, callback, callback, 2, argv, nullptr);
        if (st == napi_pending_exception && napi_get_and_clear_last_exception(env, &error) == napi_ok)
                napi_fatal_exception(env, error);
        napi_close_handle_scope(env, scope);
}

/* (fd, events, callback): Watch or -errno. */
static Napi::Value watch(const Napi::CallbackInfo &info)
{
        int fd = int_arg(info, 0);
        int events = int_arg(info, 1);
        if (!info[2].IsFunction()) misuse(info.Env(), "callback expected");
        State &state = state_of(info.Env());
        Napi::Object object = state.watch.New({});
        int err = Watch::Unwrap(object)->start(state, fd, events, info[2]);
        return err < 0 ? number(info.Env(), err) : object;
}

static void on_teardown(napi_async_cleanup_hook_handle hook, void *arg)
{
        auto *state = static_cast<State *>(arg);
        state->down = true;
        while (state->polls != nullptr) state->polls->owner->stop();
        auto gone = [](void *hook) {
                napi_remove_async_cleanup_hook(static_cast<napi_async_cleanup_hook_handle>(hook));
        };
        if (state->reactor == nullptr)
                gone(hook);
        else
                state->reactor->release(gone, hook);
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
