/* Linkage of the public interface: C names, visible outside the library. */
#ifndef OUROBOROS_CDEFS_H
#define OUROBOROS_CDEFS_H

#ifdef __cplusplus
#define OURO_DECLS_C_BEGIN extern "C" {
#define OURO_DECLS_C_END }
#else
#define OURO_DECLS_C_BEGIN
#define OURO_DECLS_C_END
#endif

#if defined(__GNUC__)
#define OURO_BEGIN_DECLS _Pragma("GCC visibility push(default)") OURO_DECLS_C_BEGIN
#define OURO_END_DECLS OURO_DECLS_C_END _Pragma("GCC visibility pop")
#else
#define OURO_BEGIN_DECLS OURO_DECLS_C_BEGIN
#define OURO_END_DECLS OURO_DECLS_C_END
#endif

#endif
