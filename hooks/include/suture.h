/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * For the source of a fix that is applied with Suture: hooks that run inside the process around an operation,
 * and shadow variables, fields that an existing structure lacks. Nothing has to be linked; include this file
 * in the fix.
 *
 * HOOKS are functions of the fix with the names below, found by their names. They run on a thread of the process
 * that waits in the kernel, while the other threads go on. A result other than zero stops the operation, and
 * the process stays as it was.
 *
 *     int suture_pre_apply(void)    before the new code is switched on; other threads run old code
 *     int suture_post_apply(void)   when it is on
 *     int suture_pre_revert(void)   before the old code is switched on again
 *     int suture_post_revert(void)  when it is on again
 *
 * A hook must not wait for a lock that another thread may hold for long, must not throw, and must not call
 * pthread_exit. A linker that drops what nothing refers to (-Wl,--gc-sections) has to be told to keep the hooks:
 * -Wl,-u,suture_pre_apply; `suture build` does that by itself.
 *
 * SHADOW VARIABLES belong to an object and a number that the author chooses:
 *
 *     struct peer_extra *extra = suture_shadow_get(peer, 1, sizeof *extra, 0);
 *     ...
 *     suture_shadow_free(peer, 1);      where the peer is freed
 *
 * They live in memory of the patch: a patch that is reverted and applied again begins without them.
 */
#ifndef SUTURE_H
#define SUTURE_H

#include <stddef.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SUTURE_SHARED __attribute__((weak, visibility("hidden")))
#define SUTURE_ONCE SUTURE_SHARED __attribute__((noinline))

int suture_pre_apply(void);
int suture_post_apply(void);
int suture_pre_revert(void);
int suture_post_revert(void);

enum { SUTURE_SHADOW_BUCKETS = 4096 };

struct suture_shadow {
	struct suture_shadow *next;
	const void *object;
	unsigned long id;
	unsigned long reserved; /* keeps what follows aligned for any type */
};

/* One table for all files of the fix. */
SUTURE_SHARED struct suture_shadow *suture_shadow_table[SUTURE_SHADOW_BUCKETS];
SUTURE_SHARED char suture_shadow_lock;

static inline struct suture_shadow **suture_shadow_bucket(const void *object, unsigned long id)
{
	unsigned long hash = ((unsigned long)object >> 4 ^ id * 31) * 0x9e3779b97f4a7c15ul;
	return &suture_shadow_table[hash >> 52];
}

static inline void suture_shadow_enter(void)
{
	while (__atomic_test_and_set(&suture_shadow_lock, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
}

static inline void suture_shadow_leave(void) { __atomic_clear(&suture_shadow_lock, __ATOMIC_RELEASE); }

static inline struct suture_shadow *suture_shadow_find(const void *object, unsigned long id)
{
	struct suture_shadow *shadow = *suture_shadow_bucket(object, id);
	while (shadow && (shadow->object != object || shadow->id != id))
		shadow = shadow->next;
	return shadow;
}

/* The shadow variable `id` of `object`. If it has none yet, one of `size` bytes is made: zeros, which
 * `constructor`, if it is given, fills; it runs before anybody else sees the variable, and its failure (a result
 * other than zero) is the failure of this call. NULL if there is none and none can be made. */
SUTURE_ONCE void *suture_shadow_get(const void *object, unsigned long id, size_t size,
				    int (*constructor)(void *shadow, const void *object))
{
	struct suture_shadow *found, *made;
	suture_shadow_enter();
	found = suture_shadow_find(object, id);
	suture_shadow_leave();
	if (found)
		return found + 1;
	made = (struct suture_shadow *)calloc(1, sizeof *made + size);
	if (!made)
		return NULL;
	made->object = object;
	made->id = id;
	if (constructor && constructor(made + 1, object) != 0) {
		free(made);
		return NULL;
	}
	suture_shadow_enter();
	found = suture_shadow_find(object, id);
	if (!found) {
		struct suture_shadow **bucket = suture_shadow_bucket(object, id);
		made->next = *bucket;
		*bucket = made;
	}
	suture_shadow_leave();
	if (found) { /* another thread was faster */
		free(made);
		return found + 1;
	}
	return made + 1;
}

/* Frees the shadow variable `id` of `object`, if there is one. */
SUTURE_ONCE void suture_shadow_free(const void *object, unsigned long id)
{
	struct suture_shadow **link, *found = NULL;
	suture_shadow_enter();
	for (link = suture_shadow_bucket(object, id); *link; link = &(*link)->next) {
		if ((*link)->object == object && (*link)->id == id) {
			found = *link;
			*link = found->next;
			break;
		}
	}
	suture_shadow_leave();
	free(found);
}

#ifdef __cplusplus
}
#endif

#endif
