/* Blocks in read() on the stack that its first argument names. Before that it prints, for the test to
 * compare: "frame ADDRESS" for each return address, as the C library's own unwinder sees them, innermost
 * first; "function NAME START" for the functions a test asks about; "ready". */
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, noclone))

static volatile int sink;
static int quiet;

KEEP void block(void) {
    if (quiet)
        return;
    static void *frames[1200];
    int count = backtrace(frames, 1200);
    for (int i = 1; i < count; i++)
        printf("frame %p\n", frames[i]);
    printf("ready\n");
    fflush(stdout);
    char byte;
    sink += (int)read(0, &byte, 1);
    sink++;
}

/* Different frame sizes and saved registers at each level. */
KEEP int descend(int depth, int a, int b) {
    volatile char room[24];
    room[depth % 24] = (char)a;
    if (depth == 0)
        block();
    else
        a = descend(depth - 1, b, a + depth) + b;
    return a + room[3];
}

/* Keeps vectors on an aligned stack; its frame is addressed from rbp or through an expression. */
KEEP int aligned(int depth) {
    volatile _Alignas(64) char vectors[256];
    memset((char *)vectors, depth, sizeof vectors);
    if (depth == 0)
        block();
    else
        sink += aligned(depth - 1);
    return vectors[17] + sink;
}

/* A frame whose size is known only at run time. */
KEEP int variable(int n) {
    volatile char *room = __builtin_alloca((size_t)n * 13);
    room[n] = 1;
    if (n > 8)
        block();
    else
        sink += variable(n + 1);
    return room[n] + sink;
}

KEEP int compare(const void *a, const void *b) {
    static int calls;
    if (calls++ == 0)
        block();
    return *(const int *)a - *(const int *)b;
}

KEEP void handler(int number) {
    sink += number;
    descend(3, 1, 2);
}

/* Interrupted anywhere in here. */
KEEP void interrupted(void) {
    sink += raise(SIGUSR1);
    sink++;
}

/* Interrupted at its first instructions, which no call precedes. */
KEEP int faulting(volatile int *nowhere) {
    return *nowhere;
}

/* Its frame covers what calls before it have left on the stack. */
KEEP void cover(void) {
    volatile char room[16384];
    room[0] = 1;
    block();
    sink += room[0];
}

static void on_signal(int number, int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(number, &action, NULL);
}

static void use_other_stack(void) {
    stack_t other = {.ss_size = 1 << 16};
    other.ss_sp = mmap(NULL, other.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaltstack(&other, NULL);
}

static void *in_thread(void *unused) {
    descend(12, 1, 2);
    return unused;
}

int main(int argc, char **argv) {
    const char *kind = argc > 1 ? argv[1] : "";
    printf("function descend %p\n", (void *)descend);
    printf("function interrupted %p\n", (void *)interrupted);
    printf("function faulting %p\n", (void *)faulting);
    printf("function compare %p\n", (void *)compare);
    if (!strcmp(kind, "deep"))
        sink += descend(80, 1, 2);
    else if (!strcmp(kind, "aligned"))
        sink += aligned(20);
    else if (!strcmp(kind, "variable"))
        sink += variable(1);
    else if (!strcmp(kind, "callback")) {
        int numbers[4] = {4, 2, 3, 1};
        qsort(numbers, 4, sizeof numbers[0], compare);
    } else if (!strcmp(kind, "signal")) {
        on_signal(SIGUSR1, 0);
        interrupted();
    } else if (!strcmp(kind, "other-stack")) {
        use_other_stack();
        on_signal(SIGUSR1, SA_ONSTACK);
        interrupted();
    } else if (!strcmp(kind, "fault")) {
        use_other_stack();
        on_signal(SIGSEGV, SA_ONSTACK);
        sink += faulting(NULL);
    } else if (!strcmp(kind, "stale")) {
        quiet = 1;
        sink += descend(40, 1, 2);
        quiet = 0;
        cover();
    } else if (!strcmp(kind, "thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, in_thread, NULL);
        pthread_join(thread, NULL);
    }
    return sink == 12345;
}
