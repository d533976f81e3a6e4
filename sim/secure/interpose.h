/* What libssl asks of libcrypto during a step, answered the short way: interpose.c (certificates
 * and key agreement), interpose_kdf.c (the key schedule), interpose_lookup.c (algorithms by name).
 * The answers are the same; outside a step libcrypto's own functions are called. Private to
 * sim/secure. */
#ifndef SIM_SECURE_INTERPOSE_H
#define SIM_SECURE_INTERPOSE_H

#include "sim/secure/env_internal.h"

/* Between these, calls of libssl on this thread are answered for `env`. They do not nest. */
void interpose_enter(const struct secure_env *env);
void interpose_leave(void);
/* interpose_kdf.c: nothing of a step's secrets stays. Called by interpose_leave(). */
void interpose_forget_keys(void);
/* Until interpose_leave(): buffers for handshake messages are as long as libssl wants them (DTLS
 * copies messages that it sends again into them without growing them). */
void interpose_whole_buffers(void);
/* The environment whose step this thread is in, or NULL. */
const struct secure_env *interpose_env(void);

/* interpose_lookup.c: asks beforehand what steps will ask; gives it back. */
bool interpose_look_up(struct secure_env *env);
void interpose_forget_look_ups(struct secure_env *env);

/* libcrypto's own function of this name, which is one of those answered here. */
typedef void (*interpose_function)(void);
interpose_function interpose_next(const char *name);

#endif
