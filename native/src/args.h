/*
 * Arguments and results. Conversions go straight to N-API: on the hot verbs the C++ wrapper's temporaries
 * cost more than the system call's entry.
 */
#pragma once

#include "ouro.h"

#include <string>

namespace ouro {

[[noreturn]] inline void misuse(Napi::Env env, const char *what)
{
        throw Napi::TypeError::New(env, what);
}

inline int32_t int_arg(const Napi::CallbackInfo &info, size_t i)
{
        int32_t value = 0;
        if (napi_get_value_int32(info.Env(), info[i], &value) != napi_ok)
                misuse(info.Env(), "number expected");
        return value;
}

/* A size or offset: a non-negative safe integer. */
inline size_t size_arg(const Napi::CallbackInfo &info, size_t i)
{
        int64_t value = 0;
        if (napi_get_value_int64(info.Env(), info[i], &value) != napi_ok || value < 0)
                misuse(info.Env(), "non-negative number expected");
        return static_cast<size_t>(value);
}

inline bool bool_arg(const Napi::CallbackInfo &info, size_t i)
{
        bool value = false;
        if (napi_get_value_bool(info.Env(), info[i], &value) != napi_ok)
                misuse(info.Env(), "boolean expected");
        return value;
}

inline std::string string_arg(const Napi::CallbackInfo &info, size_t i)
{
        if (!info[i].IsString()) misuse(info.Env(), "string expected");
        return info[i].As<Napi::String>().Utf8Value();
}

struct Span {
        uint8_t *data;
        size_t len;
};

inline Span typed_span(Napi::Env env, napi_value value, napi_typedarray_type want, const char *what)
{
        napi_typedarray_type type;
        size_t length = 0;
        void *data = nullptr;
        if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
            type != want)
                misuse(env, what);
        return {static_cast<uint8_t *>(data), length};
}

inline Span bytes_arg(const Napi::CallbackInfo &info, size_t i)
{
        return typed_span(info.Env(), info[i], napi_uint8_array, "Uint8Array expected");
}

/* Arguments i, i+1, i+2: a Uint8Array and a range inside it. */
inline Span range_arg(const Napi::CallbackInfo &info, size_t i)
{
        Span all = bytes_arg(info, i);
        size_t off = size_arg(info, i + 1);
        size_t len = size_arg(info, i + 2);
        if (off > all.len || len > all.len - off) misuse(info.Env(), "range outside its buffer");
        return {all.data + off, len};
}

/* An Int32Array; `len` counts elements. */
inline Span ints_arg(const Napi::CallbackInfo &info, size_t i)
{
        return typed_span(info.Env(), info[i], napi_int32_array, "Int32Array expected");
}

inline Napi::Value number(Napi::Env env, int64_t value)
{
        napi_value out;
        napi_create_int64(env, value, &out);
        return Napi::Value(env, out);
}

/* Result of a system call: the value, or -errno. */
inline Napi::Value result(Napi::Env env, int64_t value)
{
        return number(env, value < 0 ? -errno : value);
}

} // namespace ouro
