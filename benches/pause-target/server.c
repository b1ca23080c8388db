/* benchmark target.  usage: server NTHREADS [spin|paced] STATSFILE [quiet]
 *                      or:  server 0 call            (tight loop over tiny())
 * With DEPTH=N in its environment each thread works N frames deep.
 * Each thread loops on handle() (about 1us), taking CLOCK_MONOTONIC after each
 * call.  A gap is the time between two consecutive iterations of a thread
 * (in paced mode: how late the thread is against its own 5 ms schedule, or the
 * gap inside its burst of 20 calls).  Gaps over 50us go, with their time, into a
 * per-thread ring in STATSFILE (mmap), so that the harness can pick those that
 * overlap with an apply command.  A process-wide ring does the same for
 * intervals in which no thread at all made progress (stop-the-world pauses). */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>
#include <errno.h>
#include <sys/mman.h>
#include "handle.h"

#define RING 2048
#define MINGAP 50000ull
struct ring { _Atomic uint64_t n; struct { uint64_t start, end; } e[RING]; };
struct tstat {
	_Atomic uint64_t iters, version, firstv2, eintr;
	uint64_t pad[4];
	struct ring r;
};
struct shm {
	uint64_t magic, nthreads, mode, pid, pad[4];
	_Atomic uint64_t last;
	uint64_t pad2[7];
	struct ring g;
	struct tstat t[];
};
static struct shm *S;
static int nthreads, paced;
/* per second histogram, log2 with 8 sub-buckets */
#define NB (64 * 8)
static _Atomic uint32_t *hist; /* [nthreads][NB] */
static _Atomic uint64_t *secmax;

static inline uint64_t now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}
static inline int bucket(uint64_t v)
{
	if (v < 8) return v;
	int l = 63 - __builtin_clzll(v);
	return l * 8 + ((v >> (l - 3)) & 7);
}
static inline uint64_t bucket_lo(int b)
{
	if (b < 8) return b;
	int l = b / 8;
	return (1ull << l) | ((uint64_t)(b & 7) << (l - 3));
}
static inline void push(struct ring *r, uint64_t a, uint64_t b)
{
	uint64_t i = atomic_fetch_add(&r->n, 1);
	r->e[i % RING].start = a;
	r->e[i % RING].end = b;
}
static void *work(void *arg)
{
	int id = (int)(intptr_t)arg;
	struct tstat *t = &S->t[id];
	_Atomic uint32_t *h = hist + (size_t)id * NB;
	struct req r;
	memset(&r, id, sizeof r);
	uint64_t prev = now(), next = prev + (id * 5000000ull) / nthreads;
	for (;;) {
		int k, n = paced ? 20 : 1 << 30;
		if (paced) {
			struct timespec ts = { next / 1000000000ull, next % 1000000000ull };
			int e;
			while ((e = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, 0)) == EINTR)
				atomic_fetch_add(&t->eintr, 1);
			prev = next;
			next += 5000000ull;
			uint64_t x = now();
			if (next < x) next = x + 5000000ull;
		}
		for (k = 0; k < n; k++) {
			unsigned long v = handle(&r) & 0xff;
			uint64_t c = now(), gap = c - prev;
			if (v != atomic_load_explicit(&t->version, memory_order_relaxed)) {
				atomic_store(&t->firstv2, c);
				atomic_store(&t->version, v);
			}
			if (gap > MINGAP) push(&t->r, prev, c);
			uint64_t gl = atomic_load_explicit(&S->last, memory_order_relaxed);
			if (c > gl) {
				if (c - gl > MINGAP) {
					/* only one thread reports a given silence */
					if (atomic_compare_exchange_strong(&S->last, &gl, c))
						push(&S->g, gl, c);
				} else
					atomic_store_explicit(&S->last, c, memory_order_relaxed);
			}
			atomic_fetch_add_explicit(&h[bucket(gap)], 1, memory_order_relaxed);
			if (gap > atomic_load_explicit(&secmax[id], memory_order_relaxed))
				atomic_store_explicit(&secmax[id], gap, memory_order_relaxed);
			atomic_store_explicit(&t->iters, t->iters + 1, memory_order_relaxed);
			prev = c;
		}
	}
	return 0;
}
static __attribute__((noinline)) void *descend(long depth, void *arg)
{
	void *result = depth > 0 ? descend(depth - 1, arg) : work(arg);
	asm volatile("" : "+r"(result));
	return result;
}
static void *worker(void *arg)
{
	char *depth = getenv("DEPTH");
	return descend(depth ? atol(depth) : 0, arg);
}
static void call_loop(void)
{
	long x = 1;
	for (;;) {
		uint64_t a = now();
		long i, n = 20000000;
		for (i = 0; i < n; i++) x = tiny(x);
		uint64_t b = now();
		unsigned long v; struct req r; memset(&r, 0, sizeof r);
		v = handle(&r) & 0xff;
		printf("v%lu %.4f ns/call\n", v, (double)(b - a) / n);
		fflush(stdout);
		asm volatile("" : "+r"(x));
	}
}
int main(int argc, char **argv)
{
	if (argc < 3) return 2;
	nthreads = atoi(argv[1]);
	if (!strcmp(argv[2], "call")) { call_loop(); return 0; }
	paced = !strcmp(argv[2], "paced");
	int fd = open(argv[3], O_RDWR | O_CREAT | O_TRUNC, 0644);
	size_t sz = sizeof *S + nthreads * sizeof(struct tstat);
	if (fd < 0 || ftruncate(fd, sz)) { perror("stats"); return 1; }
	S = mmap(0, sz, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	hist = calloc((size_t)nthreads * NB, sizeof *hist);
	secmax = calloc(nthreads, sizeof *secmax);
	S->nthreads = nthreads; S->mode = paced; S->pid = getpid();
	atomic_store(&S->last, now());
	pthread_attr_t at; pthread_attr_init(&at); pthread_attr_setstacksize(&at, 256 * 1024);
	for (int i = 0; i < nthreads; i++) {
		pthread_t th;
		if (pthread_create(&th, &at, worker, (void *)(intptr_t)i)) { perror("pthread_create"); return 1; }
	}
	S->magic = 0x5157;
	int quiet = argc > 4;
	for (;;) {
		struct timespec ts = { 1, 0 };
		nanosleep(&ts, 0);
		if (quiet) continue;
		uint64_t mx = 0, tot = 0, iters = 0; static uint64_t piters;
		static uint64_t sum[NB]; memset(sum, 0, sizeof sum);
		for (int i = 0; i < nthreads; i++) {
			uint64_t m = atomic_exchange(&secmax[i], 0);
			if (m > mx) mx = m;
			iters += S->t[i].iters;
			for (int b = 0; b < NB; b++) { uint32_t c = atomic_exchange(&hist[(size_t)i * NB + b], 0); sum[b] += c; tot += c; }
		}
		uint64_t acc = 0, p999 = 0;
		for (int b = 0; b < NB; b++) { acc += sum[b]; if (acc * 1000 >= tot * 999) { p999 = bucket_lo(b); break; } }
		printf("max_gap_us %.1f p99.9_gap_us %.2f iters/s %lu\n", mx / 1e3, p999 / 1e3, iters - piters);
		piters = iters;
		fflush(stdout);
	}
}
