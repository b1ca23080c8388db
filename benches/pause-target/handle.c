#include "handle.h"
#ifndef VERSION
#define VERSION 1ul
#endif

unsigned long handle(struct req *r)
{
	unsigned long h = 14695981039346656037ul;
	unsigned i;
	for (i = 0; i < sizeof r->buf; i++) {
		h ^= r->buf[i];
		h *= 1099511628211ul;
	}
	r->seq++;
	return (h << 8) | VERSION;
}

long tiny(long x)
{
	long y = x * 3 + 7;
	y ^= y >> 13;
	y *= 0x9e3779b97f4a7c15l;
	y ^= y >> 29;
	return y + VERSION;
}
