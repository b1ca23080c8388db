// Blocks in read() inside a destructor that runs while an exception unwinds, and prints what stacks.c prints.
#include <cstdio>
#include <execinfo.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

static volatile int sink;

[[gnu::noinline]] static void block() {
    static void *frames[256];
    int count = backtrace(frames, 256);
    for (int i = 1; i < count; i++)
        std::printf("frame %p\n", frames[i]);
    std::printf("ready\n");
    std::fflush(stdout);
    char byte;
    sink = sink + static_cast<int>(read(0, &byte, 1));
}

struct Guard {
    std::string text = "a string that is long enough for the heap";
    ~Guard() { block(); }
};

[[gnu::noinline]] static int thrower(int depth) {
    if (depth == 0)
        throw std::runtime_error("thrown");
    Guard *guard = depth == 3 ? new Guard : nullptr;
    struct Delete {
        Guard *guard;
        ~Delete() { delete guard; }
    } last{guard};
    return thrower(depth - 1) + depth;
}

int main() {
    auto run = [](int depth) {
        try {
            return thrower(depth);
        } catch (const std::logic_error &) {
            return 1;
        }
    };
    try {
        return run(6);
    } catch (const std::exception &) {
        return 2;
    }
}
