/* See reactor.h. */
#include "reactor.h"

#include <cerrno>
#include <unistd.h>

namespace ouro {

/* An environment cannot leave its thread, nor a thread have two loops that run. */
static thread_local Reactor *current;

static uv_handle_t *handle(void *any) { return static_cast<uv_handle_t *>(any); }

Reactor *Reactor::acquire(uv_loop_t *loop)
{
        if (current == nullptr) {
                int fd = epoll_create1(EPOLL_CLOEXEC);
                if (fd < 0) return nullptr;
                epoll_event libuv = {EPOLLIN, {nullptr}};
                if (epoll_ctl(fd, EPOLL_CTL_ADD, uv_backend_fd(loop), &libuv) < 0) {
                        close(fd);
                        return nullptr;
                }
                current = new Reactor(loop, fd);
        }
        current->users_++;
        return current;
}

Reactor::Reactor(uv_loop_t *loop, int fd) : loop_(loop), fd_(fd)
{
        uv_prepare_init(loop, &prepare_);
        uv_idle_init(loop, &idle_);
        uv_unref(handle(&prepare_));
        uv_unref(handle(&idle_));
        prepare_.data = idle_.data = this;
}

void Reactor::release(void (*done)(void *arg), void *arg)
{
        if (--users_ > 0) return done(arg);
        current = nullptr;
        close(fd_);
        done_ = done;
        done_arg_ = arg;
        uv_close_cb closed = [](uv_handle_t *gone) {
                auto *self = static_cast<Reactor *>(gone->data);
                if (++self->closed_ < 2) return;
                self->done_(self->done_arg_);
                delete self;
        };
        uv_close(handle(&prepare_), closed);
        uv_close(handle(&idle_), closed);
}

int Reactor::watch(int fd, uint32_t had, uint32_t events, Watcher *watcher)
{
        if (events == had) return 0;
        /* Without events it leaves the set: errors and hang-ups would be reported in any case. */
        int op = events == 0 ? EPOLL_CTL_DEL : had == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
        epoll_event event = {events, {watcher}};
        return epoll_ctl(fd_, op, fd, &event) < 0 ? -errno : 0;
}

void Reactor::count(int open, int refs)
{
        open_ += open;
        refs_ += refs;
        if (refs_ > 0)
                uv_ref(handle(&prepare_));
        else
                uv_unref(handle(&prepare_));
        if (open_ == 0) {
                uv_prepare_stop(&prepare_);
                uv_idle_stop(&idle_);
        } else if (!uv_is_active(handle(&prepare_))) {
                uv_prepare_start(&prepare_, [](uv_prepare_t *self) {
                        static_cast<Reactor *>(self->data)->turn();
                });
        }
}

void Reactor::retire(Watcher *watcher)
{
        /* An event of it may be further down in the batch. */
        watcher->next_retired = retired_;
        retired_ = watcher;
        if (!dispatching_) dispatch(0);
}

/* True: libuv has something to do. */
bool Reactor::dispatch(int count)
{
        bool libuv = false;
        dispatching_ = true;
        for (int i = 0; i < count; i++) {
                auto *watcher = static_cast<Watcher *>(ready_[i].data.ptr);
                if (watcher == nullptr)
                        libuv = true;
                else
                        watcher->ready(ready_[i].events);
        }
        dispatching_ = false;
        while (retired_ != nullptr) {
                Watcher *gone = retired_;
                retired_ = gone->next_retired;
                delete gone;
        }
        return libuv;
}

void Reactor::turn()
{
        uv_idle_stop(&idle_);
        int timeout = uv_backend_timeout(loop_);
        for (;;) {
                int count = epoll_wait(fd_, ready_, max_ready, timeout);
                if (dispatch(count) || count == 0 || open_ == 0) break;
                uv_update_time(loop_);
                /* 0 also when handles were started that libuv's set does not have yet. */
                timeout = uv_backend_timeout(loop_);
                if (timeout == 0) break;
        }
        /* While it is active libuv only looks. */
        if (open_ > 0) uv_idle_start(&idle_, [](uv_idle_t *) {});
}

} // namespace ouro
