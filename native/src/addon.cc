/* Entry point: the environment's state, and every concern's verbs. */
#include "ouro.h"

namespace ouro {

static Napi::Object init(Napi::Env env, Napi::Object exports)
{
        auto *state = new State();
        env.SetInstanceData(state);

        register_descriptor(env, exports);
        register_unix_socket(env, exports);
        register_message(env, exports);
        register_datagram(env, exports);
        register_gather(env, exports);
        register_packet(env, exports);
        register_udp(env, exports);
        register_memory(env, exports);
        register_watch(env, exports);
        register_process(env, exports);
        return exports;
}

NODE_API_MODULE(ouro, init)

} // namespace ouro
