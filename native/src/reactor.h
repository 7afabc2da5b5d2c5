/*
 * Waiting for descriptors. What is watched is in an epoll set of its own, with libuv's set as one more descriptor in it. The thread
 * sleeps there, in libuv's prepare phase, and calls back what is ready without a turn of libuv's loop; libuv goes on as soon as
 * something of its own is ready, due or pending, and then does not sleep.
 */
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <sys/epoll.h>

namespace ouro {

/* Somebody who watches a descriptor. It lives until `retire`, also inside its own `ready`. */
class Watcher {
public:
        virtual ~Watcher() = default;
        virtual void ready(uint32_t events) = 0;

        Watcher *next_retired = nullptr;
};

/* The one of this thread's loop, which all environments of the thread share. */
class Reactor {
public:
        /* Null when it cannot be made. Each user leaves with `release`. */
        static Reactor *acquire(uv_loop_t *loop);
        /* Calls `done` once nothing of it is left on the loop; at once when others still use it. */
        void release(void (*done)(void *arg), void *arg);

        /* `events` of epoll, 0 for none; `had` are those of the last call, 0 at first. 0 or -errno. */
        int watch(int fd, uint32_t had, uint32_t events, Watcher *watcher);
        /* How many watchers are open, and how many of them keep the loop alive. */
        void count(int open, int refs);
        /* Deletes it as soon as nobody looks at it any more. Its descriptor is not watched any more. */
        void retire(Watcher *watcher);

private:
        static const int max_ready = 64;

        explicit Reactor(uv_loop_t *loop, int fd);
        void turn();
        bool dispatch(int count);

        uv_loop_t *loop_;
        uv_prepare_t prepare_;
        uv_idle_t idle_;
        int fd_;
        size_t users_ = 0, open_ = 0, refs_ = 0;
        bool dispatching_ = false;
        Watcher *retired_ = nullptr;
        int closed_ = 0;
        void (*done_)(void *arg) = nullptr;
        void *done_arg_ = nullptr;
        epoll_event ready_[max_ready];
};

} // namespace ouro
