/* Prints where the dynamic linker finds symbols: "symbol NAME ADDRESS", by default version, and
 * "version NAME@VERSION ADDRESS". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int first_wins(void);

int of_the_program = 7;

static void symbol(const char *name) { printf("symbol %s %lx\n", name, (unsigned long)dlsym(RTLD_DEFAULT, name)); }

static void version(const char *name, const char *version) {
    unsigned long address = (unsigned long)dlvsym(RTLD_DEFAULT, name, version);
    printf("version %s@%s %lx\n", name, version, address);
}

int main(void) {
    first_wins();
    for (const char **name = (const char *[]){"first_wins", "weak_one", "weak_one_user", "changed", "printf",
                                              "malloc", "stdout", "environ", "qsort", "of_the_program",
                                              "pthread_cond_wait", "_r_debug", "no_such_symbol", 0};
         *name; name++)
        symbol(*name);
    version("changed", "OLD_1");
    version("changed", "NEW_2");
    version("retired", "OLD_1");
    version("pthread_cond_wait", "GLIBC_2.2.5");
    version("pthread_cond_wait", "GLIBC_2.3.2");
    version("printf", "GLIBC_2.2.5");
    version("printf", "GLIBC_9.9");
    version("weak_one_user", "ANY");
    fflush(stdout);
    printf("ready\n");
    fflush(stdout);
    char byte;
    return (int)read(0, &byte, 1) + stdout->_fileno > 99;
}
